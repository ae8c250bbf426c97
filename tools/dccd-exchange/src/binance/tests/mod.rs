mod recordings;
mod scan;
