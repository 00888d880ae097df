#include "tests/torture/interpose.hpp"

#include <dlfcn.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <new>

// A sanitizer must see every thread begin: there threads always start.
#if defined(__has_feature)
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
#define LLLM_MAY_REFUSE_THREADS
#endif
#elif !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LLLM_MAY_REFUSE_THREADS
#endif

namespace lllm::test {
namespace {

thread_local long allocations_left = -1;
thread_local long calls_left = -1;
thread_local bool failed = false;

bool hits(long& left) {
  if (left < 0) return false;
  if (left-- > 0) return false;
  failed = true;
  return true;
}

// What the program would have called.
template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

int refuse(int why) {
  errno = why;
  return -1;
}

void* allocate(std::size_t size) {
  if (hits(allocations_left)) throw std::bad_alloc();
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void* allocate(std::size_t size, std::align_val_t alignment) {
  if (hits(allocations_left)) throw std::bad_alloc();
  const auto boundary = static_cast<std::size_t>(alignment);
  void* memory = std::aligned_alloc(boundary, (size + boundary - 1) / boundary * boundary);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void fail_after(Failing what, long n) {
  failed = false;
  (what == Failing::allocation ? allocations_left : calls_left) = n;
}

bool stop_failing() {
  allocations_left = calls_left = -1;
  return failed;
}

}  // namespace lllm::test

using lllm::test::calls_left;
using lllm::test::hits;
using lllm::test::real;
using lllm::test::refuse;

// --- the allocator
// ------------------------------------------------------------------------------------------

void* operator new(std::size_t size) {
  return lllm::test::allocate(size);
}
void* operator new[](std::size_t size) {
  return lllm::test::allocate(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return lllm::test::allocate(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return lllm::test::allocate(size, alignment);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

// --- the system's calls
// -------------------------------------------------------------------------------------

extern "C" {

int socket(int domain, int type, int protocol) noexcept {
  if (hits(calls_left)) return refuse(EMFILE);
  static const auto next = real<int(int, int, int)>("socket");
  return next(domain, type, protocol);
}

int connect(int fd, const sockaddr* address, socklen_t length) {
  if (hits(calls_left)) return refuse(ENETUNREACH);
  static const auto next = real<int(int, const sockaddr*, socklen_t)>("connect");
  return next(fd, address, length);
}

ssize_t recv(int fd, void* into, size_t room, int flags) {
  if (hits(calls_left)) return refuse(ECONNRESET);
  static const auto next = real<ssize_t(int, void*, size_t, int)>("recv");
  return next(fd, into, room, flags);
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  if (hits(calls_left)) return refuse(ECONNRESET);
  static const auto next = real<ssize_t(int, msghdr*, int)>("recvmsg");
  return next(fd, message, flags);
}

ssize_t send(int fd, const void* from, size_t size, int flags) {
  if (hits(calls_left)) return refuse(EPIPE);
  static const auto next = real<ssize_t(int, const void*, size_t, int)>("send");
  return next(fd, from, size, flags);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  if (hits(calls_left)) return refuse(EPIPE);
  static const auto next = real<ssize_t(int, const msghdr*, int)>("sendmsg");
  return next(fd, message, flags);
}

int setsockopt(int fd, int level, int name, const void* value, socklen_t length) noexcept {
  if (hits(calls_left)) return refuse(ENOBUFS);
  static const auto next = real<int(int, int, int, const void*, socklen_t)>("setsockopt");
  return next(fd, level, name, value, length);
}

int getsockopt(int fd, int level, int name, void* value, socklen_t* length) noexcept {
  if (hits(calls_left)) return refuse(ENOBUFS);
  static const auto next = real<int(int, int, int, void*, socklen_t*)>("getsockopt");
  return next(fd, level, name, value, length);
}

int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list arguments;
  va_start(arguments, request);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  if (hits(calls_left)) return refuse(ENOMEM);
  static const auto next = real<int(int, unsigned long, void*)>("ioctl");
  return next(fd, request, argument);
}

int shutdown(int fd, int how) noexcept {
  if (hits(calls_left)) return refuse(ENOTCONN);
  static const auto next = real<int(int, int)>("shutdown");
  return next(fd, how);
}

int close(int fd) {
  static const auto next = real<int(int)>("close");
  if (!hits(calls_left)) return next(fd);
  next(fd);  // Linux closes it all the same
  return refuse(EIO);
}

#ifdef LLLM_MAY_REFUSE_THREADS
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                   void* argument) noexcept {
  if (hits(calls_left)) return EAGAIN;
  static const auto next =
      real<int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>("pthread_create");
  return next(thread, attributes, run, argument);
}
#endif

int epoll_ctl(int epoll, int what, int fd, epoll_event* event) noexcept {
  // Only taking a descriptor in can fail for lack of anything.
  if (what == EPOLL_CTL_ADD && hits(calls_left)) return refuse(ENOSPC);
  static const auto next = real<int(int, int, int, epoll_event*)>("epoll_ctl");
  return next(epoll, what, fd, event);
}

int epoll_wait(int epoll, epoll_event* events, int most, int timeout) {
  if (hits(calls_left)) return refuse(EINTR);
  static const auto next = real<int(int, epoll_event*, int, int)>("epoll_wait");
  return next(epoll, events, most, timeout);
}

}  // extern "C"
