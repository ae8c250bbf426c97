mod futures;
mod recordings;
mod scan;
