FROM elixir:1.17-alpine
RUN apk update && apk upgrade
RUN apk add --no-cache build-base git
WORKDIR /app
COPY mix.exs mix.lock ./
RUN mix local.hex --force && mix deps.get
COPY . .
