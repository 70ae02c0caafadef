//! Tells the code which Python it is built for, such as a free-threaded one.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
