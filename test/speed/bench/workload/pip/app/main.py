import fastapi

app = fastapi.FastAPI()


@app.get("/")
def answer():
    return {"revision": "{{.Source}}"}
