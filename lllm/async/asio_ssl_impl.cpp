// Asio's TLS sources, compiled once for users who include <boost/asio/ssl.hpp> beside lllm; lllm itself
// speaks TLS through net/tls, which costs a third of the memory.
#include <boost/asio/ssl/impl/src.hpp>
