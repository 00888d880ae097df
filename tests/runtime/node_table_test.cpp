#include "lllm/runtime/node_table.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "lllm/runtime/resource_ref.hpp"
#include "lllm/runtime/runtime.hpp"
#include "lllm/runtime/snapshot_cell.hpp"
#include "tests/runtime/support.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

ResourceNode::Parts parts_of(std::string path, std::string type = "asset") {
  ResourceNode::Parts parts;
  parts.ns = "demo.assets";
  parts.path = std::move(path);
  parts.type = std::move(type);
  return parts;
}

template <class T>
NodePtr node_of(std::string path, T value, std::string type = "asset") {
  return ResourceNode::eager(parts_of(std::move(path), std::move(type)), ResourceValue::of(std::move(value)));
}

SoughtKey sought(const std::string& key) {
  return {key, hash_of_ref(key)};
}

}  // namespace

TEST_SUITE("runtime/node_table") {
  TEST_CASE("keys of every length are told apart, though they begin and end alike") {
    NodeTable table;
    std::map<std::string, NodePtr> expected;
    for (std::size_t length = 1; length <= 120; ++length) {
      for (const char middle : {'a', 'b'}) {
        std::string path(length, 'x');
        path[length / 2] = middle;
        const auto node = node_of(path, static_cast<int>(length));
        CHECK(table.put(node));
        expected[node->key()] = node;
      }
    }
    CHECK(table.size() == expected.size());
    for (const auto& [key, node] : expected) {
      CAPTURE(key);
      const auto* found = table.find(sought(key));
      REQUIRE(found != nullptr);
      CHECK(*found == node);
      CHECK(table.find(sought(key + "z")) == nullptr);
      CHECK(table.find(sought(key.substr(0, key.size() - 1) + "y")) == nullptr);
      const auto ready = table.find_ready(sought(key), "asset");
      CHECK(ready.value == node->ready()->address());
      CHECK(table.find_ready(sought(key), "asse").value == nullptr);
    }
  }

  TEST_CASE("a key whose hash is another's is still another key") {
    // As a table sees it whose nodes all agree in the bits it looks at.
    NodeTable table;
    const auto node = node_of("a", 1);
    table.put(node);
    const SoughtKey other{"demo.assets:b", node->hash()};
    CHECK(table.find(other) == nullptr);
    CHECK_FALSE(table.erase(other));
    CHECK(table.find({node->key(), node->hash()}) != nullptr);
  }

  TEST_CASE("more types than there are numbers for are told apart as well") {
    Runtime runtime;
    constexpr int count = 600;
    for (int i = 0; i < count; ++i) {
      const auto type = "kind" + std::to_string(i);
      runtime.register_value(type, "it", ResourceValue::of(i), "demo." + type, true);
    }
    for (int i = 0; i < count; ++i) {
      const auto type = "kind" + std::to_string(i);
      const auto ref = "demo." + type + ":it";
      REQUIRE(*runtime.get_value<int>(type, ref).value() == i);
      REQUIRE(runtime.get_value<int>("kindx", ref).error().kind() == ErrorKind::resource_type_mismatch);
      REQUIRE(runtime.get_value<std::string>(type, ref).error().kind() == ErrorKind::resource_type_mismatch);
    }
  }

  TEST_CASE("a lazy value is found once it is there, without a new table") {
    NodeTable table;
    const auto node = ResourceNode::lazy(parts_of("lazy"), [] { return ResourceValue::of(7); });
    table.put(node);
    CHECK(table.find_ready(sought(node->key()), "asset").value == nullptr);
    CHECK(node->load_blocking().has_value());
    const auto ready = table.find_ready(sought(node->key()), "asset");
    REQUIRE(ready.value != nullptr);
    CHECK(*ready.type == typeid(int));
    CHECK(*static_cast<const int*>(ready.value) == 7);
  }

  TEST_CASE("what a reader keeps outlives its replacement, its removal and the runtime; then it goes") {
    struct Counted {
      explicit Counted(std::shared_ptr<int> living) : alive(std::move(living)) { ++*alive; }
      Counted(const Counted& other) : alive(other.alive) { ++*alive; }
      ~Counted() { --*alive; }
      std::shared_ptr<int> alive;
    };
    const auto alive = std::make_shared<int>(0);
    auto runtime = std::make_unique<Runtime>("demo");
    const auto put = [&](const char* path) {
      runtime->register_value("thing", path, ResourceValue::of(Counted(alive)), "demo.thing", true);
    };
    for (const auto* path : {"replaced", "removed", "kept", "other"}) put(path);
    const auto get = [&](const char* path) { return runtime->get_value<Counted>("thing", path).value(); };
    auto replaced = get("replaced"), removed = get("removed"), kept = get("kept");
    put("replaced");
    CHECK(get("replaced") != replaced);
    CHECK(runtime->unregister("demo.thing:removed"));
    CHECK(*replaced->alive == 5);
    runtime.reset();
    CHECK(*removed->alive == *kept->alive);
    CHECK(*kept->alive > 0);
    replaced.reset();
    removed.reset();
    kept.reset();
    CHECK(*alive == 0);
  }

  TEST_CASE("readers find values, and keep them, while others put, replace and erase their neighbours") {
    constexpr int keys = 600;
    const auto numbered = [](int key, int value) {
      auto parts = parts_of(std::to_string(key));
      if (value % 5 != 0) return ResourceNode::eager(std::move(parts), ResourceValue::of(value));
      return ResourceNode::lazy(std::move(parts), [value] { return ResourceValue::of(value); });
    };
    auto first = std::make_shared<Registry>();
    for (int key = 0; key < keys; ++key) first->put(numbered(key, key));
    SnapshotCell cell(first);
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0};
    std::vector<std::thread> readers;
    for (unsigned t = 0; t < 3; ++t)
      readers.emplace_back([&, t] {
        std::minstd_rand random(t + 1);
        std::vector<std::pair<int, std::shared_ptr<const int>>> held(50);
        while (!stop) {
          const int key = static_cast<int>(random() % keys);
          const auto ref = "demo.assets:" + std::to_string(key);
          auto found = cell.read([&](const Registry& registry) {
            const auto* node = registry.find(ref);
            if (node != nullptr && !(*node)->is_loaded()) (void)(*node)->load_blocking();
            return registry.find_value<int>(ref, "asset");
          });
          if (found) held[random() % held.size()] = {key, std::move(found)};
          const auto& [kept_key, kept] = held[random() % held.size()];
          if (kept && *kept % keys != kept_key) ++wrong;
        }
      });
    std::minstd_rand random(7);
    for (int i = 0; i < 1'500; ++i) {
      auto next = std::make_shared<Registry>(*cell.load());
      for (int k = 0; k < 3; ++k) {
        const int key = static_cast<int>(random() % keys);
        if (random() % 4 == 0)
          next->erase("demo.assets:" + std::to_string(key));
        else
          next->put(numbered(key, key + keys * (i % 100)));
      }
      cell.store(std::move(next));
    }
    stop = true;
    for (auto& reader : readers) reader.join();
    CHECK(wrong == 0);
  }

  TEST_CASE("threads that read one value and let go of it elsewhere keep its count right") {
    Runtime runtime("demo");
    runtime.register_value("thing", "it", ResourceValue::of(std::string("text")), "demo.thing", true);
    std::vector<std::vector<std::shared_ptr<const std::string>>> held(40);
    std::vector<std::thread> threads;
    for (auto& mine : held)
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i)
          mine.push_back(runtime.get_value<std::string>("thing", "demo.thing:it").value());
      });
    for (auto& thread : threads) thread.join();
    std::set<const std::string*> places;
    for (const auto& mine : held)
      for (const auto& one : mine) places.insert(one.get());
    CHECK(places.size() == 1);
    CHECK(runtime.unregister("demo.thing:it"));
    CHECK(*held.front().front() == "text");
    held.clear();
  }
}
