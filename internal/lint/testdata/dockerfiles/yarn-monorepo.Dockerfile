FROM node:20-bookworm AS deps
WORKDIR /repo
COPY package.json yarn.lock ./
COPY packages/web/package.json packages/web/
RUN yarn --frozen-lockfile
FROM deps AS build
COPY . .
RUN yarn workspace web build
FROM nginx:alpine
COPY --from=build /repo/packages/web/dist /usr/share/nginx/html
