/** Where Debian's package of Fashion-MNIST puts its files, and the command that brings it. */
export const fashionMnistPackage = {
  path: "/usr/share/datasets/fashion-mnist",
  install: "sudo apt-get install dataset-fashion-mnist",
};
