FROM composer:2 AS vendor
COPY . /app
RUN composer install --no-dev
FROM php:8.3-apache
COPY --from=vendor /app /var/www/html/
RUN chown -R www-data /var/www
