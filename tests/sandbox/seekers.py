"""Programs that look for a secret wherever a program can look; they report every place that holds the mark.

The mark is put together at run time, so that a seeker does not find itself.
"""

from __future__ import annotations

PYTHON = r'''
import os, re, socket, stat, time

MARK = re.compile(b"KANA" + b"RI-[a-z]+-[0-9a-f]{12}")


def seek(paths, ports, seconds, everywhere=True):
    """(what was found, how many files were read, how many places could not be entered)

    Without `everywhere` only the named places are looked at: what is read from a pipe of another process is lost to it.
    """
    found, counts = set(), [0, 0]
    until = time.monotonic() + seconds

    def look(data, where):
        for hit in MARK.findall(data):
            found.add((hit.decode(), where))

    def read(path, limit=1 << 16):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError:
            counts[1] += 1
            return
        try:
            if not stat.S_ISDIR(os.fstat(fd).st_mode):
                look(os.read(fd, limit), path)
                counts[0] += 1
        except OSError:
            counts[1] += 1
        finally:
            os.close(fd)

    def walk(top, skip=()):
        for folder, below, names in os.walk(top):
            below[:] = [name for name in below if os.path.join(folder, name) not in skip]
            for name in names:
                if time.monotonic() > until:
                    return
                look(name.encode("utf-8", "replace"), folder)
                read(os.path.join(folder, name))

    look(repr(dict(os.environ)).encode(), "own environment")
    for pid in [*filter(str.isdigit, os.listdir("/proc")), "self", str(os.getppid())] if everywhere else ():
        for name in ("environ", "cmdline", "maps", "mountinfo", "stack", "io", "keys"):
            read("/proc/%s/%s" % (pid, name), 1 << 20)
        for place in ("root", "cwd"):
            for path in paths:
                read("/proc/%s/%s%s" % (pid, place, path))
        try:
            descriptors = os.listdir("/proc/%s/fd" % pid)
        except OSError:
            descriptors = []
        for fd in descriptors:
            name = "/proc/%s/fd/%s" % (pid, fd)
            try:
                look(os.readlink(name).encode(), name)
            except OSError:
                pass
            read(name)
    for fd in range(256 if everywhere else 0):
        try:
            kind = os.fstat(fd).st_mode
            if stat.S_ISREG(kind):
                look(os.pread(fd, 1 << 16, 0), "descriptor %d" % fd)
            elif stat.S_ISSOCK(kind):
                sock = socket.socket(fileno=os.dup(fd))
                look(sock.recv(1 << 16, socket.MSG_PEEK | socket.MSG_DONTWAIT), "socket %d" % fd)
            elif stat.S_ISFIFO(kind):
                os.set_blocking(fd, False)
                look(os.read(fd, 1 << 16), "pipe %d" % fd)
            elif stat.S_ISDIR(kind):
                for path in paths:
                    try:
                        inner = os.open(path.lstrip("/"), os.O_RDONLY, dir_fd=fd)
                        look(os.read(inner, 1 << 16), "%s below descriptor %d" % (path, fd))
                    except OSError:
                        pass
        except OSError:
            pass
    listed = []
    try:
        listed = [line.split()[7] for line in open("/proc/net/unix").read().split("\n")[1:] if len(line.split()) > 7]
    except OSError:
        pass
    if not everywhere:
        listed = []
    for name in [*paths, *listed, "/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock"]:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(1)
        try:
            sock.connect("\0" + name[1:] if name.startswith("@") else name)
            if "docker" in name or "containerd" in name:
                found.add(("connected", name))
            look(sock.recv(1 << 12), "socket " + name)
        except (OSError, ValueError):
            counts[1] += 1
        finally:
            sock.close()
    for port in ports:
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            sock = socket.socket(family, socket.SOCK_STREAM)
            sock.settimeout(1)
            try:
                sock.connect((host, port))
                look(sock.recv(1 << 12), "port %d" % port)
            except OSError:
                counts[1] += 1
            finally:
                sock.close()
    for path in paths:
        read(path)
        walk(path)
    if not everywhere:
        return sorted(found), counts[0], counts[1]
    for pattern in ("~", "~root", "..", ".", "/tmp", "/var/tmp", "/dev/shm", "/home", "/root", "/run", "/etc", "/var", "/opt"):
        walk(os.path.expanduser(pattern))
    walk("/", skip=("/proc", "/sys", "/usr", "/dev"))
    walk("/usr/local")
    walk("/sys/fs")
    return sorted(found), counts[0], counts[1]
'''

CPP = r'''
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <chrono>
#include <dirent.h>
#include <fcntl.h>
#include <iostream>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

extern char** environ;
static const std::string mark = std::string("KANA") + "RI-";
static long files = 0;
static auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);

static void look(const std::string& data, const std::string& where) {
    for (size_t at = data.find(mark); at != std::string::npos; at = data.find(mark, at + 1))
        std::cout << data.substr(at, 40) << " in " << where << "\n";
}

static void read_file(const std::string& path) {
    int fd = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return;
    std::string data(1 << 16, '\0');
    ssize_t size = read(fd, data.data(), data.size());
    if (size > 0) { data.resize(size); look(data, path); files++; }
    close(fd);
}

static void walk(const std::string& top, int depth = 0) {
    if (depth > 12 || std::chrono::steady_clock::now() > until) return;
    DIR* folder = opendir(top.c_str());
    if (!folder) return;
    while (dirent* entry = readdir(folder)) {
        std::string name = entry->d_name, path = top + (top == "/" ? "" : "/") + name;
        if (name == "." || name == "..") continue;
        if (path == "/proc" || path == "/sys" || path == "/usr" || path == "/dev") continue;
        struct stat info;
        if (lstat(path.c_str(), &info)) continue;
        if (S_ISDIR(info.st_mode)) walk(path, depth + 1);
        else if (S_ISREG(info.st_mode)) read_file(path);
    }
    closedir(folder);
}

static void connect_to(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, name.data(), std::min(name.size(), sizeof address.sun_path));
    if (name[0] == '@') address.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (sockaddr*)&address, offsetof(sockaddr_un, sun_path) + name.size()) == 0) {
        if (name.find("docker") != std::string::npos) std::cout << mark << "docker in " << name << "\n";
        char data[256];
        ssize_t size = recv(fd, data, sizeof data, 0);
        if (size > 0) look(std::string(data, size), name);
    }
    close(fd);
}

int main() {
    std::vector<std::string> paths;
    for (std::string line; std::getline(std::cin, line);) paths.push_back(line);
    for (char** entry = environ; *entry; entry++) look(*entry, "own environment");
    DIR* proc = opendir("/proc");
    while (dirent* entry = proc ? readdir(proc) : nullptr) {
        std::string pid = std::string("/proc/") + entry->d_name;
        for (const char* name : {"/environ", "/cmdline", "/maps"}) read_file(pid + name);
        for (int fd = 0; fd < 64; fd++) read_file(pid + "/fd/" + std::to_string(fd));
        for (auto& path : paths) read_file(pid + "/root" + path);
    }
    for (auto& path : paths) { read_file(path); walk(path); connect_to(path); }
    connect_to("/var/run/docker.sock");
    connect_to("/run/docker.sock");
    walk("/");
    std::cout << "read " << files << " files\n";
}
'''
