use axum::{routing::get, Json, Router};
use clap::Parser;
use serde::Serialize;

#[derive(Parser)]
struct Options {
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
}

#[derive(Serialize)]
struct Answer {
    revision: &'static str,
    number: String,
}

async fn answer() -> Json<Answer> {
    let digits = regex::Regex::new("[0-9]+").expect("a valid pattern");
    let revision = "{{.Source}}";
    let number = digits.find(revision).map_or(0, |found| found.len());
    Json(Answer { revision, number: itoa::Buffer::new().format(number).to_string() })
}

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let listener = tokio::net::TcpListener::bind(&options.listen).await.expect("a free port");
    axum::serve(listener, Router::new().route("/", get(answer))).await.expect("a running server");
}
