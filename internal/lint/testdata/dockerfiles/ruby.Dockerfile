FROM ruby:3.3 AS base
ARG GIT_SHA
WORKDIR /rails
FROM base AS build
RUN apt-get update -qq && apt-get install --no-install-recommends -y build-essential git
COPY Gemfile Gemfile.lock ./
RUN bundle install
COPY . .
RUN SECRET_KEY_BASE_DUMMY=1 ./bin/rails assets:precompile
FROM base
COPY --from=build --chown=rails:rails /rails /rails
LABEL revision=$GIT_SHA
