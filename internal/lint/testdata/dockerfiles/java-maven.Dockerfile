FROM maven:3.9-eclipse-temurin-21 AS build
COPY . /src
WORKDIR /src
RUN mvn -B -DskipTests package
FROM eclipse-temurin
COPY --from=build /src/target/app.jar /app.jar
