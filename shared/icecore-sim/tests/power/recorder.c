/* Records what a process changes below one folder, for the replayer in disk.rs.
 *
 * Loaded with LD_PRELOAD. Each call that changes files or names below POWER_ROOT is made and recorded under one lock, so
 * that the order in the log is the order in which it happened; so is what the process says on its stdout, and every
 * fsync. The log of a process is appended to that of the processes before it.
 *
 *   POWER_ROOT               the folder, without a slash at the end and without symbolic links
 *   POWER_LOG                the file of the log, outside of the folder
 *   POWER_KILL_AFTER=n       the process kills itself after so many of its events
 *   POWER_FAIL_DIR_SYNC=n    the n-th fsync of a directory fails
 *
 * An event: kind (1 byte), three numbers (8 bytes each, of this machine's order), two lengths (4 bytes each), two texts.
 * What this misses, such as writes through mmap, shows: the replayer compares all that it was told with the folder.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 65536

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char watched[FDS];
static const char *root;
static size_t root_length;
static int log_fd = -1;
static long events, kill_after = -1, dir_syncs, fail_dir_sync = -1;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void die(const char *why) {
    dprintf(2, "recorder: %s: %s\n", why, strerror(errno));
    abort();
}

static void put(const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        ssize_t wrote = syscall(SYS_write, log_fd, at, length);
        if (wrote < 0) die("the log cannot be written");
        at += wrote;
        length -= (size_t)wrote;
    }
}

static void record(char kind, uint64_t a, uint64_t b, uint64_t c, const void *one, size_t one_length,
                   const void *two, size_t two_length) {
    int error = errno;
    char head[33];
    uint32_t lengths[2] = {(uint32_t)one_length, (uint32_t)two_length};
    head[0] = kind;
    memcpy(head + 1, &a, 8);
    memcpy(head + 9, &b, 8);
    memcpy(head + 17, &c, 8);
    memcpy(head + 25, lengths, 8);
    put(head, sizeof head);
    put(one, one_length);
    put(two, two_length);
    events++;
    if (kill_after >= 0 && events >= kill_after) kill(getpid(), SIGKILL);
    errno = error;
}

static long number(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : -1;
}

__attribute__((constructor)) static void start(void) {
    root = getenv("POWER_ROOT");
    const char *path = getenv("POWER_LOG");
    if (!root || !path) return;
    root_length = strlen(root);
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0) die("the log cannot be opened");
    struct stat at;
    if (stat(root, &at) != 0) die("the folder is not there");
    record('R', at.st_ino, 0, 0, "", 0, "", 0);
    events = 0;
    kill_after = number("POWER_KILL_AFTER");
    fail_dir_sync = number("POWER_FAIL_DIR_SYNC");
}

/* The absolute path of what a call names; an empty one if it is none of ours. */
static void full_path(int dir, const char *path, char *full) {
    full[0] = 0;
    if (log_fd < 0 || !path) return;
    if (path[0] == '/') {
        snprintf(full, 4096, "%s", path);
    } else if (dir == AT_FDCWD) {
        char cwd[2048];
        if (!getcwd(cwd, sizeof cwd)) return;
        snprintf(full, 4096, "%s/%s", cwd, path);
    } else {
        char link[64], base[2048];
        snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length < 0) return;
        base[length] = 0;
        snprintf(full, 4096, "%s/%s", base, path);
    }
    size_t length = strlen(full);
    while (length > 1 && full[length - 1] == '/') full[--length] = 0;
    int below = strncmp(full, root, root_length) == 0 && (full[root_length] == '/' || full[root_length] == 0);
    if (!below) full[0] = 0;
}

static const char *base_name(const char *full) { return strrchr(full, '/') + 1; }

static uint64_t inode(const char *full) {
    struct stat at;
    return lstat(full, &at) == 0 ? at.st_ino : 0;
}

static uint64_t parent(const char *full) {
    char directory[4096];
    snprintf(directory, sizeof directory, "%s", full);
    *strrchr(directory, '/') = 0;
    struct stat at;
    if (stat(directory, &at) != 0) die("a parent is not there");
    return at.st_ino;
}

static void named(char kind, const char *full) {
    const char *name = base_name(full);
    record(kind, parent(full), inode(full), 0, name, strlen(name), "", 0);
}

static int is_watched(int fd) { return log_fd >= 0 && fd >= 0 && fd < FDS && watched[fd]; }

static int opened(int (*real)(int, const char *, int, mode_t), int dir, const char *path, int flags, mode_t mode) {
    char full[4096];
    full_path(dir, path, full);
    if (!full[0]) return real(dir, path, flags, mode);
    pthread_mutex_lock(&lock);
    uint64_t before = inode(full);
    int fd = real(dir, path, flags, mode);
    if (fd >= 0) {
        if (fd >= FDS) die("too many files");
        watched[fd] = 1;
        if (!before) named('C', full);
        if (before && (flags & O_TRUNC)) record('T', before, 0, 0, "", 0, "", 0);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

static int real_openat(int dir, const char *path, int flags, mode_t mode) {
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}

#define MODE                                         \
    mode_t mode = 0;                                 \
    if (flags & (O_CREAT | __O_TMPFILE)) {           \
        va_list rest;                                \
        va_start(rest, flags);                       \
        mode = va_arg(rest, mode_t);                 \
        va_end(rest);                                \
    }

int open(const char *path, int flags, ...) { MODE return opened(real_openat, AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opened(real_openat, AT_FDCWD, path, flags, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE return opened(real_openat, dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { MODE return opened(real_openat, dir, path, flags, mode); }
int creat(const char *path, mode_t mode) {
    return opened(real_openat, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int close(int fd) {
    if (fd >= 0 && fd < FDS) watched[fd] = 0;
    return REAL(close)(fd);
}

/* Closes the descriptor of a directory without a call of close that could be seen here. */
int closedir(DIR *directory) {
    int fd = dirfd(directory);
    if (fd >= 0 && fd < FDS) watched[fd] = 0;
    return REAL(closedir)(directory);
}

static uint64_t inode_of(int fd) {
    struct stat at;
    if (fstat(fd, &at) != 0) die("an open file is not there");
    return at.st_ino;
}

static uint64_t position(int fd) {
    if (fcntl(fd, F_GETFL) & O_APPEND) {
        struct stat at;
        fstat(fd, &at);
        return (uint64_t)at.st_size;
    }
    return (uint64_t)lseek(fd, 0, SEEK_CUR);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    int says = log_fd >= 0 && fd == 1;
    if (!says && !is_watched(fd)) return REAL(write)(fd, bytes, length);
    pthread_mutex_lock(&lock);
    uint64_t at = says ? 0 : position(fd);
    ssize_t wrote = REAL(write)(fd, bytes, length);
    if (wrote > 0 && says) record('S', 0, 0, 0, bytes, (size_t)wrote, "", 0);
    if (wrote > 0 && !says) record('W', inode_of(fd), at, 0, bytes, (size_t)wrote, "", 0);
    pthread_mutex_unlock(&lock);
    return wrote;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!(log_fd >= 0 && fd == 1) && !is_watched(fd)) return REAL(writev)(fd, parts, count);
    ssize_t all = 0;
    for (int i = 0; i < count; i++) {
        ssize_t wrote = write(fd, parts[i].iov_base, parts[i].iov_len);
        if (wrote < 0) return all > 0 ? all : wrote;
        all += wrote;
        if ((size_t)wrote < parts[i].iov_len) break;
    }
    return all;
}

static ssize_t wrote_at(int fd, const void *bytes, size_t length, off64_t at) {
    if (!is_watched(fd)) return REAL(pwrite64)(fd, bytes, length, at);
    pthread_mutex_lock(&lock);
    ssize_t wrote = REAL(pwrite64)(fd, bytes, length, at);
    if (wrote > 0) record('W', inode_of(fd), (uint64_t)at, 0, bytes, (size_t)wrote, "", 0);
    pthread_mutex_unlock(&lock);
    return wrote;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return wrote_at(fd, bytes, length, at); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return wrote_at(fd, bytes, length, at); }

static int truncated(int fd, off64_t length) {
    if (!is_watched(fd)) return REAL(ftruncate64)(fd, length);
    pthread_mutex_lock(&lock);
    int failed = REAL(ftruncate64)(fd, length);
    if (!failed) record('T', inode_of(fd), (uint64_t)length, 0, "", 0, "", 0);
    pthread_mutex_unlock(&lock);
    return failed;
}

int ftruncate64(int fd, off64_t length) { return truncated(fd, length); }
int ftruncate(int fd, off_t length) { return truncated(fd, length); }

static int synced(int fd, int (*real)(int)) {
    if (!is_watched(fd)) return real(fd);
    pthread_mutex_lock(&lock);
    struct stat at;
    if (fstat(fd, &at) != 0) die("an open file is not there");
    int failed;
    if (S_ISDIR(at.st_mode) && ++dir_syncs == fail_dir_sync) {
        errno = EIO;
        failed = -1;
    } else {
        failed = real(fd);
    }
    if (!failed) record('F', at.st_ino, 0, 0, "", 0, "", 0);
    pthread_mutex_unlock(&lock);
    return failed;
}

int fsync(int fd) { return synced(fd, REAL(fsync)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }

static int link_at(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    char full[4096];
    full_path(to_dir, to, full);
    if (!full[0]) return REAL(linkat)(from_dir, from, to_dir, to, flags);
    pthread_mutex_lock(&lock);
    int failed = REAL(linkat)(from_dir, from, to_dir, to, flags);
    if (!failed) named('L', full);
    pthread_mutex_unlock(&lock);
    return failed;
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    return link_at(from_dir, from, to_dir, to, flags);
}
int link(const char *from, const char *to) { return link_at(AT_FDCWD, from, AT_FDCWD, to, 0); }

static int renamed(int from_dir, const char *from, int to_dir, const char *to) {
    char old[4096], new[4096];
    full_path(from_dir, from, old);
    full_path(to_dir, to, new);
    if (!old[0] && !new[0]) return REAL(renameat)(from_dir, from, to_dir, to);
    if (!old[0] || !new[0]) die("a rename over the edge of the folder");
    pthread_mutex_lock(&lock);
    uint64_t what = inode(old), from_parent = parent(old), to_parent = parent(new);
    int failed = REAL(renameat)(from_dir, from, to_dir, to);
    if (!failed) {
        const char *old_name = base_name(old), *new_name = base_name(new);
        record('N', from_parent, what, to_parent, old_name, strlen(old_name), new_name, strlen(new_name));
    }
    pthread_mutex_unlock(&lock);
    return failed;
}

int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to); }
int renameat(int from_dir, const char *from, int to_dir, const char *to) { return renamed(from_dir, from, to_dir, to); }

static int removed(int dir, const char *path, int flags) {
    char full[4096];
    full_path(dir, path, full);
    if (!full[0]) return REAL(unlinkat)(dir, path, flags);
    pthread_mutex_lock(&lock);
    uint64_t from = parent(full), what = inode(full);
    int failed = REAL(unlinkat)(dir, path, flags);
    if (!failed) {
        const char *name = base_name(full);
        record('U', from, what, 0, name, strlen(name), "", 0);
    }
    pthread_mutex_unlock(&lock);
    return failed;
}

int unlink(const char *path) { return removed(AT_FDCWD, path, 0); }
int unlinkat(int dir, const char *path, int flags) { return removed(dir, path, flags); }
int rmdir(const char *path) { return removed(AT_FDCWD, path, AT_REMOVEDIR); }

static int made(int dir, const char *path, mode_t mode) {
    char full[4096];
    full_path(dir, path, full);
    if (!full[0]) return REAL(mkdirat)(dir, path, mode);
    pthread_mutex_lock(&lock);
    int failed = REAL(mkdirat)(dir, path, mode);
    if (!failed) named('D', full);
    pthread_mutex_unlock(&lock);
    return failed;
}

int mkdir(const char *path, mode_t mode) { return made(AT_FDCWD, path, mode); }
int mkdirat(int dir, const char *path, mode_t mode) { return made(dir, path, mode); }
