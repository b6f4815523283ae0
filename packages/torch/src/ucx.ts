/**
 * What UCX does as it is loaded, each switched off by its setting.
 *
 * Debian 13's libtorch links Open MPI, and with it UCX (1.18), a library for clusters that nothing here uses.
 */
const settings = {
  // It rewrites libc's functions for memory and tries them: it moves the end of malloc's heap up by a page, and down
  // again. Where V8 has reserved what follows the heap, only the second happens, and the heap loses its last page, in
  // use: about one process of a hundred crashed as it loaded libtorch.
  UCX_MEM_EVENTS: "n",
  // It takes SIGSEGV from V8, which finds by it where WebAssembly reads out of bounds: a crash in place of an error.
  UCX_HANDLE_ERRORS: "none",
  // It takes SIGHUP: a process outlived its terminal.
  UCX_DEBUG_SIGNO: "0",
  // It starts a thread, for diagnostics as a file system.
  UCX_VFS_ENABLE: "n",
};

/**
 * Calls a function that loads libtorch, and returns its result. A UCX that comes along leaves the process as it was,
 * unless the user's own environment has a setting of it. Child processes inherit nothing of this.
 *
 * UCX reads the process's environment, which only the main thread can set: in a worker thread this does nothing.
 */
export function keepUcxQuiet<T>(load: () => T): T {
  const added = Object.entries(settings).filter(([name]) => process.env[name] === undefined);
  for (const [name, value] of added) process.env[name] = value;
  try {
    return load();
  } finally {
    for (const [name] of added) delete process.env[name];
  }
}
