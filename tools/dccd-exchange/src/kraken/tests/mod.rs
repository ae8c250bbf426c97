mod answers;
mod recordings;
mod requests;
mod walk;
