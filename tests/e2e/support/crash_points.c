/* Preloaded into larder processes by support/crash.py: kills the process in place of the n-th
 * fsync or fdatasync after arming. What a process has made durable is what it goes on from, so
 * these are all the moments at which a kill can make a difference. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One counter a role: what is left until the kill; 0 is disarmed. */
static _Atomic long *counter;

__attribute__((constructor)) static void find_counter(void) {
    const char *path = getenv("LARDER_TEST_CRASH");
    char line[4096] = {0};
    int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (path == NULL || file < 0 || read(file, line, sizeof line - 1) < 0) return;
    close(file);
    const char *role = line + strlen(line) + 1;
    long slot = strcmp(role, "control") == 0 ? 0 : strcmp(role, "up") == 0 ? 1 : 2;
    if (slot == 2) return;
    file = open(path, O_RDWR | O_CLOEXEC);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) counter = (_Atomic long *)page + slot;
}

static void step(void) {
    if (counter == NULL || atomic_load(counter) <= 0) return;
    if (atomic_fetch_sub(counter, 1) == 1) kill(getpid(), SIGKILL);
}

int fsync(int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    step();
    return real(file);
}

int fdatasync(int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    step();
    return real(file);
}
