use super::*;

#[test]
fn todo_list() {}
