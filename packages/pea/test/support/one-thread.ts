/** To be imported before the engine: `threads` of a recipe is libtorch's, and OpenBLAS counts its own when it is loaded. */
process.env.OPENBLAS_NUM_THREADS = "1";
