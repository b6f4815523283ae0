#include "dispatch.h"

#include <ATen/core/stack.h>

#include <array>
#include <deque>
#include <mutex>
#include <sstream>
#include <tuple>
#include <unordered_map>

#include "arguments.h"
#include "convert.h"
#include "version.h"

namespace pea {
namespace {

struct Operator {
  c10::OperatorHandle handle;
  std::string name;
};

// Shared by all worker threads; entries are never removed, so a reference stays valid (std::deque).
std::mutex registry_mutex;
std::deque<Operator> registry;
std::unordered_map<std::string, size_t> registry_index;

c10::OperatorName parse_name(const std::string& name) {
  TORCH_CHECK(name.find("::") != std::string::npos, "an operator name needs its namespace, such as aten::", name);
  const auto dot = name.find('.');
  if (dot == std::string::npos) return {name, ""};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

// A name without overload means the unnamed overload, or the only one.
c10::OperatorHandle find_operator(const std::string& name) {
  auto& dispatcher = c10::Dispatcher::singleton();
  const c10::OperatorName wanted = parse_name(name);
  if (auto found = dispatcher.findSchema(wanted)) return *found;

  std::vector<c10::OperatorName> overloads;
  for (const auto& known : dispatcher.getAllOpNames()) {
    if (known.name == wanted.name && dispatcher.findSchema(known)) overloads.push_back(known);
  }
  TORCH_CHECK(!overloads.empty(), "libtorch ", TORCH_VERSION, " has no operator ", wanted.name);
  if (wanted.overload_name.empty() && overloads.size() == 1) return *dispatcher.findSchema(overloads.front());

  std::ostringstream names;
  for (const auto& overload : overloads) names << (names.tellp() > 0 ? ", " : "") << overload;
  TORCH_CHECK(false, name, " names no overload; choose one of: ", names.str());
}

size_t operator_id(const std::string& name) {
  const std::lock_guard<std::mutex> lock(registry_mutex);
  const auto found = registry_index.find(name);
  if (found != registry_index.end()) return found->second;
  registry.push_back({find_operator(name), name});
  registry_index.emplace(name, registry.size() - 1);
  return registry.size() - 1;
}

const Operator& operator_at(size_t id) {
  const std::lock_guard<std::mutex> lock(registry_mutex);
  return registry.at(id);
}

// What a call was given: the operator's number, then its arguments, as many as there are.
class Given {
 public:
  Given(napi_env env, napi_callback_info info) {
    napi_get_cb_info(env, info, &count_, few_.data(), nullptr, nullptr);
    if (count_ <= few_.size()) return;
    many_.resize(count_);
    napi_get_cb_info(env, info, &count_, many_.data(), nullptr, nullptr);
  }
  napi_value number() const { return values()[0]; }
  const napi_value* arguments() const { return values() + 1; }
  size_t count() const { return count_ == 0 ? 0 : count_ - 1; }

 private:
  const napi_value* values() const { return many_.empty() ? few_.data() : many_.data(); }

  std::array<napi_value, 24> few_;
  std::vector<napi_value> many_;
  size_t count_ = std::tuple_size<decltype(few_)>::value;
};

bool is_undefined(napi_env env, napi_value value) {
  napi_valuetype type;
  napi_typeof(env, value, &type);
  return type == napi_undefined;
}

void push_arguments(napi_env env, const c10::FunctionSchema& schema, const Given& given, torch::jit::Stack* stack) {
  const size_t count = given.count();
  const auto& arguments = schema.arguments();
  TORCH_CHECK(count <= arguments.size(), "takes at most ", arguments.size(), " arguments, got ", count, ": ", schema);
  stack->reserve(arguments.size());
  for (size_t i = 0; i < arguments.size(); i++) {
    const c10::Argument& argument = arguments[i];
    const auto& otherwise = argument.default_value();
    if (otherwise && (i >= count || is_undefined(env, given.arguments()[i]))) {
      stack->push_back(*otherwise);
    } else {
      TORCH_CHECK(i < count, "argument '", argument.name(), "' is missing: ", schema);
      stack->push_back(to_ivalue(env, given.arguments()[i], argument));
    }
  }
}

}  // namespace

napi_value resolve_operator(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<1> args(env, info);
    napi_value result;
    napi_create_uint32(env, operator_id(to_string(env, args[0])), &result);
    return result;
  });
}

napi_value call_operator(napi_env env, napi_callback_info info) {
  const Given given(env, info);
  const Operator* op = nullptr;
  return guarded(
      env,
      [&] {
        uint32_t id = 0;
        napi_get_value_uint32(env, given.number(), &id);
        op = &operator_at(id);
        torch::jit::Stack stack;
        push_arguments(env, op->handle.schema(), given, &stack);
        op->handle.callBoxed(&stack);
        if (stack.empty()) return static_cast<napi_value>(nullptr);
        if (stack.size() == 1) return to_js(env, stack.front());
        napi_value results;
        napi_create_array_with_length(env, stack.size(), &results);
        for (uint32_t i = 0; i < stack.size(); i++) napi_set_element(env, results, i, to_js(env, stack[i]));
        return results;
      },
      [&] {
        return op == nullptr ? std::string("call")
                             : op->name + "(" + describe(env, given.arguments(), given.count()) + ")";
      });
}

napi_value operator_schema(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<1> args(env, info);
    std::ostringstream text;
    text << operator_at(operator_id(to_string(env, args[0]))).handle.schema();
    return to_js(env, text.str());
  });
}

}  // namespace pea
