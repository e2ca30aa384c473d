FROM python:3.12
RUN curl -sSL https://install.python-poetry.org | python3 -
COPY src pyproject.toml poetry.lock ./
RUN poetry install
