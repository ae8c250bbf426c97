mod archive;
mod contracts;
mod errors;
mod instruments;
mod pages;
mod recordings;
mod requests;
mod walk;

/// `data` as an answer.
fn answer(data: &str) -> String {
    format!(r#"{{"code":"0","msg":"","data":{data}}}"#)
}
