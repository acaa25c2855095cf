pub(in crate::release) mod support;
mod table;
