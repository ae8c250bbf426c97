mod archive;
mod errors;
mod instruments;
mod pages;
mod recordings;
mod requests;
mod walk;
