// What batch norms and the convolutions around them hand each other besides autograd's gradients, so that none of it
// takes a pass over memory of its own:
//
//   convolution → batch norm → deferred activation → convolution
//
// Forward, the first convolution gathers the moments of its result while it stores it. Backward, the second one stores
// the gradient of the normalized values, g, with its sums; of these follow the batch norm's own gradients and what
// makes g the gradient of the batch norm's input, which the first convolution computes while it loads g.
//
// A 3×3 convolution over all channels is the exception: of these it hands on g alone, by a pass of its own.
//
// A node that hands on a gradient here gives autograd none: whatever others read the same tensor for, their gradients
// arrive the usual way, alone, and are added. Nothing is handed on here where somebody looks at gradients in between
// (`sees_gradient`), and where gradients are to have gradients.
#pragma once

#include <torch/csrc/autograd/custom_function.h>

#include <memory>
#include <vector>

#include "batch_norm/gradient_on_load.h"
#include "batch_norm/moments.h"
#include "tensor/held.h"

namespace pea {

// The functions of autograd whose contexts hold the links.
struct Convolution;          // convolution/convolution_autograd.cc
struct DeferredBatchNormAct;  // batch_norm/batch_norm_autograd.cc

// Behind a convolution's result.
struct ConvolutionLink : torch::CustomClassHolder {
  Moments moments;  // of the result; empty where they were not gathered
  std::vector<DeferredGradient> gradients;  // that sum up to the result's, with the one that autograd brings
};

// Behind a deferred activation.
struct ActivationLink : torch::CustomClassHolder {
  struct Gradient {
    at::Tensor g, sums;  // as GradientOnStore gives them
  };
  std::vector<Gradient> gradients;
};

// The link in the context of the function that made x; null where it was another one.
template <typename Function, typename Link>
c10::intrusive_ptr<Link> link_behind(const at::Tensor& x) {
  const auto* const node = dynamic_cast<const torch::autograd::CppNode<Function>*>(x.grad_fn().get());
  return node == nullptr ? c10::intrusive_ptr<Link>() : held<Link>(node->ctx_, "link");
}

inline c10::intrusive_ptr<ConvolutionLink> convolution_behind(const at::Tensor& x) {
  return link_behind<Convolution, ConvolutionLink>(x);
}

inline c10::intrusive_ptr<ActivationLink> activation_behind(const at::Tensor& x) {
  return link_behind<DeferredBatchNormAct, ActivationLink>(x);
}

// Whether a hook, or whoever asked for gradients of certain tensors, gets the gradient that this backward pass brings
// to a node.
bool sees_gradient(const torch::autograd::Node& node);

}  // namespace pea
