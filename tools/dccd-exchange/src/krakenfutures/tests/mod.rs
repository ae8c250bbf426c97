mod answers;
mod recordings;
mod requests;
