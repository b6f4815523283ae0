#include "convert.h"

#include <ATen/core/jit_type.h>
#include <c10/core/Layout.h>
#include <c10/core/MemoryFormat.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

#include "device.h"
#include "handle.h"
#include "version.h"

namespace pea {
namespace {

constexpr double kMaxSafeInteger = 9007199254740991.0;

constexpr std::pair<const char*, at::ScalarType> kDtypes[] = {
    {"float32", at::kFloat}, {"float64", at::kDouble}, {"bfloat16", at::kBFloat16}, {"float16", at::kHalf},
    {"int64", at::kLong},    {"int32", at::kInt},      {"int16", at::kShort},       {"int8", at::kChar},
    {"uint8", at::kByte},    {"bool", at::kBool},
};

constexpr std::pair<const char*, at::MemoryFormat> kMemoryFormats[] = {
    {"contiguous", at::MemoryFormat::Contiguous},
    {"channels_last", at::MemoryFormat::ChannelsLast},
    {"channels_last_3d", at::MemoryFormat::ChannelsLast3d},
    {"preserve", at::MemoryFormat::Preserve},
};

constexpr std::pair<const char*, at::Layout> kLayouts[] = {{"strided", at::Layout::Strided}};

napi_valuetype type_of(napi_env env, napi_value value) {
  napi_valuetype type;
  napi_typeof(env, value, &type);
  return type;
}

bool is_nullish(napi_valuetype type) { return type == napi_null || type == napi_undefined; }

bool is_array(napi_env env, napi_value value) {
  bool result = false;
  napi_is_array(env, value, &result);
  return result;
}

uint32_t array_length(napi_env env, napi_value value) {
  uint32_t length = 0;
  napi_get_array_length(env, value, &length);
  return length;
}

napi_value element(napi_env env, napi_value array, uint32_t index) {
  napi_value result;
  napi_get_element(env, array, index, &result);
  return result;
}

double number(napi_env env, napi_value value) {
  double result = 0;
  napi_get_value_double(env, value, &result);
  return result;
}

bool boolean(napi_env env, napi_value value) {
  bool result = false;
  napi_get_value_bool(env, value, &result);
  return result;
}

bool is_integer(double value) { return std::trunc(value) == value && std::abs(value) <= kMaxSafeInteger; }

bool bigint(napi_env env, napi_value value, int64_t* result) {
  bool lossless = false;
  napi_get_value_bigint_int64(env, value, result, &lossless);
  return lossless;
}

// The number of a word in one of the tables above.
template <typename Table>
bool named_constant(napi_env env, napi_value value, const Table& table, c10::IValue* result) {
  if (type_of(env, value) != napi_string) return false;
  const std::string name = to_string(env, value);
  for (const auto& [word, constant] : table) {
    if (name == word) return *result = static_cast<int64_t>(constant), true;
  }
  return false;
}

bool integer(napi_env env, napi_value value, int64_t* result) {
  switch (type_of(env, value)) {
    case napi_number: {
      const double given = number(env, value);
      if (!is_integer(given)) return false;
      *result = static_cast<int64_t>(given);
      return true;
    }
    case napi_bigint:
      return bigint(env, value, result);
    case napi_boolean:
      *result = boolean(env, value) ? 1 : 0;
      return true;
    default:
      return false;
  }
}

bool scalar(napi_env env, napi_value value, at::Scalar* result) {
  switch (type_of(env, value)) {
    case napi_number: {
      const double given = number(env, value);
      // -0 must stay a float: as an integer it would lose its sign.
      const bool negative_zero = given == 0 && std::signbit(given);
      *result = is_integer(given) && !negative_zero ? at::Scalar(static_cast<int64_t>(given)) : at::Scalar(given);
      return true;
    }
    case napi_bigint: {
      int64_t given;
      if (!bigint(env, value, &given)) return false;
      *result = at::Scalar(given);
      return true;
    }
    case napi_boolean:
      *result = at::Scalar(boolean(env, value));
      return true;
    default:
      return false;
  }
}

bool convert(napi_env env, napi_value value, const c10::TypePtr& type, int32_t list_size, c10::IValue* result);

bool convert_list(napi_env env, napi_value value, const c10::TypePtr& element_type, int32_t list_size,
                  c10::IValue* result) {
  const bool array = is_array(env, value);
  // int[2] accepts a single number for all of its elements, as in Python.
  if (!array && list_size <= 0) return false;
  const uint32_t length = array ? array_length(env, value) : static_cast<uint32_t>(list_size);
  const auto at_index = [&](uint32_t index) { return array ? element(env, value, index) : value; };

  switch (element_type->kind()) {
    case c10::TypeKind::IntType: {
      c10::List<int64_t> list;
      list.reserve(length);
      for (uint32_t i = 0; i < length; i++) {
        int64_t item;
        if (!integer(env, at_index(i), &item)) return false;
        list.push_back(item);
      }
      *result = std::move(list);
      return true;
    }
    case c10::TypeKind::FloatType: {
      c10::List<double> list;
      for (uint32_t i = 0; i < length; i++) {
        const napi_value item = at_index(i);
        if (type_of(env, item) != napi_number) return false;
        list.push_back(number(env, item));
      }
      *result = std::move(list);
      return true;
    }
    case c10::TypeKind::BoolType: {
      c10::List<bool> list;
      for (uint32_t i = 0; i < length; i++) {
        const napi_value item = at_index(i);
        if (type_of(env, item) != napi_boolean) return false;
        list.push_back(boolean(env, item));
      }
      *result = std::move(list);
      return true;
    }
    case c10::TypeKind::TensorType: {
      c10::List<at::Tensor> list;
      list.reserve(length);
      for (uint32_t i = 0; i < length; i++) {
        const at::Tensor* item = find_tensor(env, at_index(i));
        if (item == nullptr) return false;
        list.push_back(*item);
      }
      *result = std::move(list);
      return true;
    }
    case c10::TypeKind::OptionalType: {
      if (element_type->containedType(0)->kind() != c10::TypeKind::TensorType) return false;
      c10::List<Optional<at::Tensor>> list;
      for (uint32_t i = 0; i < length; i++) {
        const napi_value item = at_index(i);
        if (const at::Tensor* tensor = find_tensor(env, item)) {
          list.push_back(*tensor);
        } else if (is_nullish(type_of(env, item))) {
          list.push_back(Optional<at::Tensor>());
        } else {
          return false;
        }
      }
      *result = std::move(list);
      return true;
    }
    default: {
      c10::impl::GenericList list(element_type);
      for (uint32_t i = 0; i < length; i++) {
        c10::IValue item;
        if (!convert(env, at_index(i), element_type, 0, &item)) return false;
        list.push_back(std::move(item));
      }
      *result = std::move(list);
      return true;
    }
  }
}

bool convert(napi_env env, napi_value value, const c10::TypePtr& type, int32_t list_size, c10::IValue* result) {
  switch (type->kind()) {
    case c10::TypeKind::OptionalType:
      if (is_nullish(type_of(env, value))) {
        *result = c10::IValue();
        return true;
      }
      return convert(env, value, type->containedType(0), list_size, result);
    case c10::TypeKind::TensorType: {
      const at::Tensor* tensor = find_tensor(env, value);
      if (tensor == nullptr) return false;
      *result = *tensor;
      return true;
    }
    case c10::TypeKind::ListType:
      return convert_list(env, value, type->containedType(0), list_size, result);
    case c10::TypeKind::IntType: {
      int64_t converted;
      if (!integer(env, value, &converted)) return false;
      *result = converted;
      return true;
    }
    case c10::TypeKind::FloatType:
      if (type_of(env, value) != napi_number) return false;
      *result = number(env, value);
      return true;
    case c10::TypeKind::BoolType:
      if (type_of(env, value) != napi_boolean) return false;
      *result = boolean(env, value);
      return true;
    case c10::TypeKind::NumberType: {
      at::Scalar converted;
      if (!scalar(env, value, &converted)) return false;
      *result = converted;
      return true;
    }
    case c10::TypeKind::StringType:
      if (type_of(env, value) != napi_string) return false;
      *result = to_string(env, value);
      return true;
    case c10::TypeKind::ScalarTypeType:
      return named_constant(env, value, kDtypes, result);
    case c10::TypeKind::LayoutType:
      return named_constant(env, value, kLayouts, result);
    case c10::TypeKind::MemoryFormatType:
      return named_constant(env, value, kMemoryFormats, result);
    case c10::TypeKind::DeviceObjType:
      if (type_of(env, value) != napi_string) return false;
      *result = parse_device(to_string(env, value));
      return true;
    default:
      return false;
  }
}

template <typename List>
napi_value list_to_js(napi_env env, const List& list) {
  napi_value result;
  napi_create_array_with_length(env, list.size(), &result);
  uint32_t index = 0;
  for (const auto& item : list) napi_set_element(env, result, index++, to_js(env, c10::IValue(item)));
  return result;
}

napi_value int_to_js(napi_env env, int64_t value) {
  napi_value result;
  if (std::abs(static_cast<double>(value)) <= kMaxSafeInteger) {
    napi_create_int64(env, value, &result);
  } else {
    napi_create_bigint_int64(env, value, &result);
  }
  return result;
}

}  // namespace

// Dtypes, layouts and memory formats are plain integers to the dispatcher, which trusts them: one that does not exist
// ends the process. Their real type in the schema tells them apart, and they are taken as words alone.
const c10::TypePtr& checked_type(const c10::Argument& argument) {
  const c10::TypePtr& real = argument.real_type();
  const bool optional = real->kind() == c10::TypeKind::OptionalType;
  switch ((optional ? real->containedType(0) : real)->kind()) {
    case c10::TypeKind::ScalarTypeType:
    case c10::TypeKind::LayoutType:
    case c10::TypeKind::MemoryFormatType:
      return real;
    default:
      return argument.type();
  }
}

c10::IValue to_ivalue(napi_env env, napi_value value, const c10::Argument& argument) {
  c10::IValue result;
  const auto list_size = argument.N();
  const c10::TypePtr& type = checked_type(argument);
  if (!convert(env, value, type, list_size ? *list_size : 0, &result)) {
    TORCH_CHECK(false, "argument '", argument.name(), "' must be ", type->str(), ", got ", describe(env, value));
  }
  return result;
}

napi_value to_js(napi_env env, const c10::IValue& value) {
  napi_value result;
  if (value.isTensor()) return wrap_tensor(env, value.toTensor());
  if (value.isNone()) {
    napi_get_null(env, &result);
  } else if (value.isDouble()) {
    napi_create_double(env, value.toDouble(), &result);
  } else if (value.isInt()) {
    return int_to_js(env, value.toInt());
  } else if (value.isBool()) {
    napi_get_boolean(env, value.toBool(), &result);
  } else if (value.isString()) {
    return to_js(env, value.toStringRef());
  } else if (value.isDevice()) {
    return to_js(env, value.toDevice().str());
  } else if (value.isTuple()) {
    return list_to_js(env, value.toTupleRef().elements());
  } else if (value.isList()) {
    return list_to_js(env, value.toListRef());
  } else {
    TORCH_CHECK(false, "a result of type ", value.tagKind(), " has no JavaScript form");
  }
  return result;
}

at::ScalarType parse_dtype(const std::string& name) {
  for (const auto& [word, dtype] : kDtypes) {
    if (name == word) return dtype;
  }
  TORCH_CHECK(false, "unknown dtype \"", name, "\"; known: float32, float64, bfloat16, float16, int64, int32, int16, int8, uint8, bool");
}

const char* dtype_name(at::ScalarType dtype) {
  for (const auto& [word, known] : kDtypes) {
    if (dtype == known) return word;
  }
  return c10::toString(dtype);
}

std::string to_string(napi_env env, napi_value value) {
  size_t length = 0;
  TORCH_CHECK(napi_get_value_string_utf8(env, value, nullptr, 0, &length) == napi_ok, "expected a string, got ", describe(env, value));
  std::string result(length, '\0');
  napi_get_value_string_utf8(env, value, result.data(), length + 1, &length);
  return result;
}

napi_value to_js(napi_env env, const std::string& text) {
  napi_value result;
  napi_create_string_utf8(env, text.data(), text.size(), &result);
  return result;
}

int64_t to_int(napi_env env, napi_value value, const char* what) {
  int64_t result;
  TORCH_CHECK(type_of(env, value) != napi_string && integer(env, value, &result), what, " must be an integer, got ", describe(env, value));
  return result;
}

std::vector<int64_t> to_shape(napi_env env, napi_value value) {
  TORCH_CHECK(is_array(env, value), "a shape must be an array of integers, got ", describe(env, value));
  std::vector<int64_t> shape(array_length(env, value));
  for (uint32_t i = 0; i < shape.size(); i++) {
    shape[i] = to_int(env, element(env, value, i), "each size of a shape");
    TORCH_CHECK(shape[i] >= 0, "each size of a shape must be at least 0, got ", shape[i]);
  }
  return shape;
}

std::vector<at::Tensor> to_tensors(napi_env env, napi_value value) {
  TORCH_CHECK(is_array(env, value), "expected an array of tensors, got ", describe(env, value));
  std::vector<at::Tensor> tensors;
  const uint32_t length = array_length(env, value);
  tensors.reserve(length);
  for (uint32_t i = 0; i < length; i++) tensors.push_back(unwrap_tensor(env, element(env, value, i)));
  return tensors;
}

// The first of them, each by at(index).
template <typename At>
static std::string describe_all(napi_env env, size_t count, const At& at) {
  constexpr size_t kMost = 8;
  std::ostringstream text;
  for (size_t i = 0; i < std::min(count, kMost); i++) text << (i == 0 ? "" : ", ") << describe(env, at(i));
  if (count > kMost) text << ", … " << count << " values";
  return text.str();
}

std::string describe(napi_env env, napi_value value) {
  std::ostringstream text;
  switch (type_of(env, value)) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean:
      return boolean(env, value) ? "true" : "false";
    case napi_number: {
      const double given = number(env, value);
      if (std::isnan(given)) return "NaN";
      if (std::isinf(given)) return given > 0 ? "Infinity" : "-Infinity";
      text << given;
      return text.str();
    }
    case napi_string:
      return "\"" + to_string(env, value) + "\"";
    case napi_bigint:
      return "a BigInt";
    case napi_external:
      if (const at::Tensor* tensor = find_tensor(env, value)) {
        text << dtype_name(tensor->scalar_type()) << tensor->sizes();
        return text.str();
      }
      return "a disposed or foreign tensor";
    default:
      break;
  }
  if (!is_array(env, value)) return "an object";
  return "[" + describe_all(env, array_length(env, value), [&](size_t i) { return element(env, value, i); }) + "]";
}

std::string describe(napi_env env, const napi_value* values, size_t count) {
  return describe_all(env, count, [&](size_t i) { return values[i]; });
}

}  // namespace pea
