#include "lllm/net/deadline_queue.hpp"

#include <new>

#include <boost/asio/post.hpp>

namespace lllm {

Deadline::~Deadline() {
  expires_at(never);
  if (index_ != not_queued) queue_->remove(*this);
}

void Deadline::expires_at(Clock::time_point due) {
  if (due != due_) queue_->update(*this, due);
}

void DeadlineQueue::update(Deadline& entry, Clock::time_point due) {
  const bool was_set = entry.due_ != Deadline::never;
  const bool is_set = due != Deadline::never;
  entry.due_ = due;
  if (was_set != is_set) active_ = is_set ? active_ + 1 : active_ - 1;
  // A later deadline, or none, waits in its old place: fire() looks again when that time comes.
  if (!is_set) return active_ == 0 ? rest_if_unused() : void();
  if (entry.index_ == Deadline::not_queued) {
    entry.queued_ = due;
    heap_.push_back(&entry);
    entry.index_ = heap_.size() - 1;
    sift_up(entry.index_);
  } else if (due < entry.queued_) {
    entry.queued_ = due;
    sift_up(entry.index_);
  }
  arm();
}

void DeadlineQueue::remove(Deadline& entry) {
  const auto hole = entry.index_;
  entry.index_ = Deadline::not_queued;
  Deadline* last = heap_.back();
  heap_.pop_back();
  if (last == &entry) return;
  place(hole, last);
  sift_up(hole);
  sift_down(last->index_);
}

void DeadlineQueue::place(std::size_t index, Deadline* entry) {
  heap_[index] = entry;
  entry->index_ = index;
}

void DeadlineQueue::sift_up(std::size_t index) {
  Deadline* entry = heap_[index];
  while (index > 0) {
    const auto parent = (index - 1) / 2;
    if (heap_[parent]->queued_ <= entry->queued_) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, entry);
}

void DeadlineQueue::sift_down(std::size_t index) {
  Deadline* entry = heap_[index];
  while (true) {
    auto child = index * 2 + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->queued_ < heap_[child]->queued_) ++child;
    if (entry->queued_ <= heap_[child]->queued_) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, entry);
}

void DeadlineQueue::arm() {
  if (heap_.empty() || heap_.front()->queued_ >= armed_) return;
  armed_ = heap_.front()->queued_;
  timer_.expires_at(armed_);
  timer_.async_wait([alive = weak_from_this()](boost::system::error_code failure) {
    if (failure) return;
    if (const auto self = alive.lock()) self->fire();
  });
}

void DeadlineQueue::fire() {
  armed_ = Deadline::never;
  const auto now = Clock::now();
  while (!heap_.empty() && heap_.front()->queued_ <= now) {
    Deadline& entry = *heap_.front();
    if (entry.due_ <= now) {
      remove(entry);
      entry.due_ = Deadline::never;
      --active_;
      entry.on_deadline();  // may destroy the entry, or set deadlines
    } else if (entry.due_ == Deadline::never) {
      remove(entry);
    } else {
      entry.queued_ = entry.due_;
      sift_down(0);
    }
  }
  if (active_ > 0) arm();
}

void DeadlineQueue::rest_if_unused() {
  // A waiting timer would hold io_context::run(). Between one call and the next it may stay: only when
  // nothing has begun by the time this handler runs is it taken down.
  if (rest_posted_ || armed_ == Deadline::never) return;
  try {
    asio::post(timer_.get_executor(), [alive = weak_from_this()] {
      const auto self = alive.lock();
      if (!self) return;
      self->rest_posted_ = false;
      if (self->active_ == 0) self->rest();
    });
    rest_posted_ = true;
  } catch (const std::bad_alloc&) {  // a destructor may have brought us here
    rest();
  }
}

void DeadlineQueue::rest() {
  armed_ = Deadline::never;
  timer_.cancel();
}

}  // namespace lllm
