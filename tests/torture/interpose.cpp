#include "tests/torture/interpose.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>

#include "tests/support/sanitizer.hpp"

// ThreadSanitizer's own functions behind those of the system; see LLLM_REAL.
#ifdef LLLM_TEST_THREADS
extern "C" {
int __interceptor_socket(int, int, int);
int __interceptor_connect(int, const sockaddr*, socklen_t);
ssize_t __interceptor_recv(int, void*, size_t, int);
ssize_t __interceptor_recvmsg(int, msghdr*, int);
ssize_t __interceptor_send(int, const void*, size_t, int);
ssize_t __interceptor_sendmsg(int, const msghdr*, int);
ssize_t __interceptor_read(int, void*, size_t);
ssize_t __interceptor_write(int, const void*, size_t);
int __interceptor_ioctl(int, unsigned long, ...);
int __interceptor_close(int);
int __interceptor_pipe2(int*, int);
int __interceptor_open(const char*, int, ...);
int __interceptor_epoll_ctl(int, int, int, epoll_event*);
int __interceptor_epoll_wait(int, epoll_event*, int, int);
int __interceptor_clock_gettime(clockid_t, timespec*);
}
#endif

// A sanitizer must see every thread begin: there threads always start.
#if !defined(LLLM_TEST_ADDRESSES) && !defined(LLLM_TEST_THREADS)
#define LLLM_MAY_REFUSE_THREADS
#endif

namespace lllm::test {
namespace {

// What is left until the failure: on this thread, or on any.
thread_local long here[2] = {-1, -1};
std::atomic<long> everywhere[2] = {-1, -1};
std::atomic<bool> failed = false;
thread_local Counts counts;
thread_local std::size_t watched_size = 0;

bool hits(Failing what) {
  const auto kind = static_cast<std::size_t>(what);
  bool now = false;
  if (here[kind] >= 0) now = here[kind]-- == 0;
  // Two threads may both pass the first look; only one of them takes the number that counts.
  if (everywhere[kind].load(std::memory_order_relaxed) >= 0) now = everywhere[kind].fetch_sub(1) == 0 || now;
  if (now) failed = true;
  return now;
}

bool call_hits() {
  return hits(Failing::system_call);
}

// What the program would have called.
template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}
// … which is ThreadSanitizer's own function where it has one: unless it sees what passes from thread to
// thread by way of a descriptor, it takes what lies on both sides for a race.
#ifdef LLLM_TEST_THREADS
#define LLLM_REAL(signature, name) (&__interceptor_##name)
#else
#define LLLM_REAL(signature, name) real<signature>(#name)
#endif

// An eventfd, a timerfd, an epoll: neither file, pipe nor socket.
bool is_event(int fd) {
  struct stat status{};
  return ::fstat(fd, &status) != 0 || (status.st_mode & S_IFMT) == 0 || S_ISCHR(status.st_mode);
}

int refuse(int why) {
  errno = why;
  return -1;
}

}  // namespace

void fail_after(Failing what, long n, Where where) {
  failed = false;
  const auto kind = static_cast<std::size_t>(what);
  if (where == Where::here)
    here[kind] = n;
  else
    everywhere[kind] = n;
}

bool stop_failing() {
  for (const std::size_t kind : {0U, 1U}) {
    here[kind] = -1;
    everywhere[kind] = -1;
  }
  return failed;
}

bool allocation_fails(std::size_t size) {
  ++counts.allocations;
  if (size == watched_size) ++counts.of_watched_size;
  return hits(Failing::allocation);
}

void watch_size(std::size_t size) {
  watched_size = size;
}

void count_look_at_the_clock() {
  ++counts.looks_at_the_clock;
}

Counts counts_here() {
  return counts;
}

}  // namespace lllm::test

using lllm::test::call_hits;
using lllm::test::is_event;
using lllm::test::real;
using lllm::test::refuse;

// OpenSSL and libstdc++ are to find them too.
#pragma GCC visibility push(default)
extern "C" {

int socket(int domain, int type, int protocol) noexcept {
  if (call_hits()) return refuse(EMFILE);
  static const auto next = LLLM_REAL(int(int, int, int), socket);
  return next(domain, type, protocol);
}

int connect(int fd, const sockaddr* address, socklen_t length) {
  if (call_hits()) return refuse(ENETUNREACH);
  static const auto next = LLLM_REAL(int(int, const sockaddr*, socklen_t), connect);
  return next(fd, address, length);
}

ssize_t recv(int fd, void* into, size_t room, int flags) {
  if (call_hits()) return refuse(ECONNRESET);
  static const auto next = LLLM_REAL(ssize_t(int, void*, size_t, int), recv);
  return next(fd, into, room, flags);
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  if (call_hits()) return refuse(ECONNRESET);
  static const auto next = LLLM_REAL(ssize_t(int, msghdr*, int), recvmsg);
  return next(fd, message, flags);
}

ssize_t send(int fd, const void* from, size_t size, int flags) {
  if (call_hits()) return refuse(EPIPE);
  static const auto next = LLLM_REAL(ssize_t(int, const void*, size_t, int), send);
  return next(fd, from, size, flags);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  if (call_hits()) return refuse(EPIPE);
  static const auto next = LLLM_REAL(ssize_t(int, const msghdr*, int), sendmsg);
  return next(fd, message, flags);
}

int setsockopt(int fd, int level, int name, const void* value, socklen_t length) noexcept {
  if (call_hits()) return refuse(ENOBUFS);
  static const auto next = real<int(int, int, int, const void*, socklen_t)>("setsockopt");
  return next(fd, level, name, value, length);
}

int getsockopt(int fd, int level, int name, void* value, socklen_t* length) noexcept {
  if (call_hits()) return refuse(ENOBUFS);
  static const auto next = real<int(int, int, int, void*, socklen_t*)>("getsockopt");
  return next(fd, level, name, value, length);
}

// OpenSSL reads sockets by these, lllm files and pipes. What wakes a loop up does not fail.
ssize_t read(int fd, void* into, size_t room) {
  static const auto next = LLLM_REAL(ssize_t(int, void*, size_t), read);
  if (is_event(fd) || !call_hits()) return next(fd, into, room);
  return refuse(EIO);
}

ssize_t write(int fd, const void* from, size_t size) {
  static const auto next = LLLM_REAL(ssize_t(int, const void*, size_t), write);
  if (is_event(fd) || !call_hits()) return next(fd, from, size);
  return refuse(EIO);
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const auto mode = va_arg(arguments, mode_t);
  va_end(arguments);
  if (call_hits()) return refuse(EMFILE);
  static const auto next = LLLM_REAL(int(const char*, int, ...), open);
  return next(path, flags, mode);
}

int pipe2(int* ends, int flags) noexcept {
  if (call_hits()) return refuse(EMFILE);
  static const auto next = LLLM_REAL(int(int*, int), pipe2);
  return next(ends, flags);
}

pid_t fork() noexcept {
  if (call_hits()) return refuse(EAGAIN);
  static const auto next = real<pid_t()>("fork");
  return next();
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  lllm::test::count_look_at_the_clock();
  static const auto next = LLLM_REAL(int(clockid_t, timespec*), clock_gettime);
  return next(clock, time);
}

int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list arguments;
  va_start(arguments, request);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  if (call_hits()) return refuse(ENOMEM);
  static const auto next = LLLM_REAL(int(int, unsigned long, void*), ioctl);
  return next(fd, request, argument);
}

int shutdown(int fd, int how) noexcept {
  if (call_hits()) return refuse(ENOTCONN);
  static const auto next = real<int(int, int)>("shutdown");
  return next(fd, how);
}

int close(int fd) {
  static const auto next = LLLM_REAL(int(int), close);
  if (!call_hits()) return next(fd);
  next(fd);  // Linux closes it all the same
  return refuse(EIO);
}

#ifdef LLLM_MAY_REFUSE_THREADS
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                   void* argument) noexcept {
  if (call_hits()) return EAGAIN;
  static const auto next =
      real<int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>("pthread_create");
  return next(thread, attributes, run, argument);
}
#endif

int epoll_ctl(int epoll, int what, int fd, epoll_event* event) noexcept {
  // Only taking a descriptor in can fail for lack of anything.
  if (what == EPOLL_CTL_ADD && call_hits()) return refuse(ENOSPC);
  static const auto next = LLLM_REAL(int(int, int, int, epoll_event*), epoll_ctl);
  return next(epoll, what, fd, event);
}

int epoll_wait(int epoll, epoll_event* events, int most, int timeout) {
  if (call_hits()) return refuse(EINTR);
  static const auto next = LLLM_REAL(int(int, epoll_event*, int, int), epoll_wait);
  return next(epoll, events, most, timeout);
}

}  // extern "C"
#pragma GCC visibility pop
