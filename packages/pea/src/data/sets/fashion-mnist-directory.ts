/** Where Debian's package `dataset-fashion-mnist` puts its files. In a file of its own: reading it loads no engine. */
export const debianFashionMnistDirectory = "/usr/share/datasets/fashion-mnist";
