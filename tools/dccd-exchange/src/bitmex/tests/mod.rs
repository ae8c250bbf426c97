mod errors;
mod hostile;
mod recordings;
mod requests;
mod walks;
