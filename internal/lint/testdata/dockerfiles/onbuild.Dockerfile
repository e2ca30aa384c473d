FROM node:20-alpine
WORKDIR /usr/src/app
ONBUILD COPY . /usr/src/app
ONBUILD RUN npm install && npm cache clean --force
ONBUILD RUN <<EOF
apt-get update
EOF
CMD ["npm", "start"]
