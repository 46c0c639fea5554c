/* Loaded before the C library: has one call fail, or all from one on, where they touch files of the project. It is for tests
 * that ask what is left when a disk is full or breaks. What goes to the kernel by other ways than these functions is not seen.
 *
 *   FAULT_CALL   write, sync, open, make, remove
 *   FAULT_NTH    the first of these calls that fails, from 1 on
 *   FAULT_LAST   the last
 *   FAULT_ERRNO  what it fails with
 *   FAULT_UNDER  the project's folder
 *   FAULT_HIT    a file outside of it, to be made when a call has failed
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static long number(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

/* A path without the folder that it starts from is one of the project's: that is where tests run the program. */
static int is_under(const char *path) {
    const char *under = getenv("FAULT_UNDER");
    return under && (path[0] != '/' || strncmp(path, under, strlen(under)) == 0);
}

static int is_file_under(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return path[0] == '/' && is_under(path);
}

static int is_meant(const char *call) {
    const char *meant = getenv("FAULT_CALL");
    return meant && strcmp(meant, call) == 0;
}

static int fails(void) {
    long count = atomic_fetch_add(&calls, 1) + 1;
    if (count < number("FAULT_NTH") || count > number("FAULT_LAST")) return 0;
    int (*open_file)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    const char *hit = getenv("FAULT_HIT");
    if (hit) close(open_file(hit, O_CREAT | O_WRONLY, 0600));
    errno = (int)number("FAULT_ERRNO");
    return 1;
}

#define FAILS_AT_FILE(call, fd) (is_meant(call) && is_file_under(fd) && fails())
#define FAILS_AT_PATH(call, path) (is_meant(call) && is_under(path) && fails())
#define NEXT(name, ...) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))(__VA_ARGS__)

ssize_t write(int fd, const void *bytes, size_t count) {
    return FAILS_AT_FILE("write", fd) ? -1 : NEXT(write, fd, bytes, count);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    return FAILS_AT_FILE("write", fd) ? -1 : NEXT(writev, fd, parts, count);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    return FAILS_AT_FILE("write", fd) ? -1 : NEXT(pwrite, fd, bytes, count, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    return FAILS_AT_FILE("write", fd) ? -1 : NEXT(pwrite64, fd, bytes, count, at);
}
int ftruncate64(int fd, off64_t size) { return FAILS_AT_FILE("write", fd) ? -1 : NEXT(ftruncate64, fd, size); }
int fsync(int fd) { return FAILS_AT_FILE("sync", fd) ? -1 : NEXT(fsync, fd); }
int fdatasync(int fd) { return FAILS_AT_FILE("sync", fd) ? -1 : NEXT(fdatasync, fd); }

#define OPENS(name)                                          \
    int name(const char *path, int flags, ...) {             \
        va_list rest;                                        \
        va_start(rest, flags);                               \
        mode_t mode = va_arg(rest, mode_t);                  \
        va_end(rest);                                        \
        return FAILS_AT_PATH("open", path) ? -1 : NEXT(name, path, flags, mode); \
    }
OPENS(open)
OPENS(open64)

#define OPENS_IN(name)                                       \
    int name(int folder, const char *path, int flags, ...) { \
        va_list rest;                                        \
        va_start(rest, flags);                               \
        mode_t mode = va_arg(rest, mode_t);                  \
        va_end(rest);                                        \
        return FAILS_AT_PATH("open", path) ? -1 : NEXT(name, folder, path, flags, mode); \
    }
OPENS_IN(openat)
OPENS_IN(openat64)

int mkdir(const char *path, mode_t mode) { return FAILS_AT_PATH("make", path) ? -1 : NEXT(mkdir, path, mode); }
int rename(const char *from, const char *to) { return FAILS_AT_PATH("make", to) ? -1 : NEXT(rename, from, to); }
int link(const char *from, const char *to) { return FAILS_AT_PATH("make", to) ? -1 : NEXT(link, from, to); }
int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
    return FAILS_AT_PATH("make", to) ? -1 : NEXT(linkat, from_fd, from, to_fd, to, flags);
}
int unlink(const char *path) { return FAILS_AT_PATH("remove", path) ? -1 : NEXT(unlink, path); }
int unlinkat(int folder, const char *path, int flags) {
    return FAILS_AT_PATH("remove", path) ? -1 : NEXT(unlinkat, folder, path, flags);
}
int rmdir(const char *path) { return FAILS_AT_PATH("remove", path) ? -1 : NEXT(rmdir, path); }
