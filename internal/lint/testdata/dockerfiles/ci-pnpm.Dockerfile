FROM node:22
ENV PNPM_HOME="/pnpm"
RUN corepack enable
USER node
WORKDIR /home/node/app
COPY --chown=node:node . .
RUN pnpm install --frozen-lockfile
RUN ["pnpm", "run", "build"]
