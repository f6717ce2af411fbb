import Foundation

extension PrivateServerError {
    /// The last system call's failure (`errno`) as an error about a file.
    static func system(_ what: String, hint: String? = nil) -> PrivateServerError {
        let code = errno
        let message = "\(what): \(String(cString: strerror(code)))"
        guard code == ENOSPC || code == EDQUOT else { return .init(.inaccessible, message, hint: hint) }
        return .init(.diskFull, message, hint: "free some space and run the command again")
    }
}

/// Files and directories in the ways a server that may run under another account needs them.
package enum FileSystem {
    /// What `lstat` says, or nil when there is nothing of that name or it cannot be looked at.
    package static func status(_ path: String) -> stat? {
        var status = stat()
        return lstat(path, &status) == 0 ? status : nil
    }

    static func isDirectory(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFDIR }

    /// Makes one directory with exactly this mode, whatever the umask; false when it was already there.
    @discardableResult
    static func makeDirectory(_ path: String, mode: mode_t) throws(PrivateServerError) -> Bool {
        guard mkdir(path, mode) == 0 else {
            guard errno == EEXIST else { throw .system("cannot create the directory \(path)") }
            return false
        }
        guard chmod(path, mode) == 0 else { throw .system("cannot set the mode of \(path)") }
        return true
    }

    /// Writes the file anew in one step; readers see the old or the new content. A symbolic link of that name
    /// is replaced, not followed: root writes here in directories of an unprivileged account.
    static func replace(
        _ path: String, with content: String, owner: ServerAccount
    ) throws(PrivateServerError) {
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("cannot write \(temporary)") }
        defer { close(descriptor) }
        try write(content, to: descriptor, path: temporary)
        try give(descriptor, path: temporary, to: owner)
        guard fsync(descriptor) == 0, rename(temporary, path) == 0 else {
            throw .system("cannot write \(path)")
        }
    }

    static func append(_ content: String, to path: String) throws(PrivateServerError) {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("cannot write \(path)") }
        defer { close(descriptor) }
        try write(content, to: descriptor, path: path)
        guard fsync(descriptor) == 0 else { throw .system("cannot write \(path)") }
    }

    /// Makes an empty log file that `owner` can write when there is none. One above 16 MiB is put aside as
    /// `PATH.1` first. Returns the size in bytes.
    static func prepareLog(_ path: String, owner: ServerAccount) throws(PrivateServerError) -> off_t {
        if let size = status(path)?.st_size, size > 16 << 20 { rename(path, path + ".1") }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("cannot write the server's log \(path)") }
        defer { close(descriptor) }
        try give(descriptor, path: path, to: owner)
        return lseek(descriptor, 0, SEEK_END)
    }

    /// The last lines of a file, looking no further back than `offset`.
    static func lastLines(_ count: Int, of path: String, from offset: off_t = 0) -> [String] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        return lastLines(count, of: text(descriptor, from: offset))
    }

    static func lastLines(_ count: Int, of text: String) -> [String] {
        text.split(separator: "\n").suffix(count).map(String.init)
    }

    /// At most the last 16 KiB of an open file behind `offset`.
    static func text(_ descriptor: Int32, from offset: off_t = 0) -> String {
        let start = max(offset, lseek(descriptor, 0, SEEK_END) - 16384)
        var bytes = [UInt8](repeating: 0, count: 16384)
        let length = pread(descriptor, &bytes, bytes.count, start)
        return String(decoding: bytes.prefix(max(0, length)), as: UTF8.self)
    }

    /// The path without symbolic links, as far as it exists, and without a trailing slash.
    package static func canonical(_ path: String) -> String {
        if let resolved = realpath(path, nil) {
            defer { free(resolved) }
            return String(cString: resolved)
        }
        let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        var components = absolute.split(separator: "/")
        guard let last = components.popLast() else { return "/" }
        let parent = canonical("/" + components.joined(separator: "/"))
        switch last {
        case ".": return parent
        case "..": return (parent as NSString).deletingLastPathComponent
        default: return parent == "/" ? "/\(last)" : "\(parent)/\(last)"
        }
    }

    /// Twelve hexadecimal digits that stand for a path: FNV-1a (64 bits), its two ends folded.
    package static func fingerprint(_ path: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in path.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let folded = (hash ^ (hash >> 48)) & 0xffff_ffff_ffff
        let digits = String(folded, radix: 16)
        return String(repeating: "0", count: 12 - digits.count) + digits
    }

    static func give(
        _ descriptor: Int32, path: String, to owner: ServerAccount
    ) throws(PrivateServerError) {
        guard owner.isOther else { return }
        guard fchown(descriptor, owner.user, owner.group) == 0 else {
            throw .system("cannot give \(path) to the account \(owner.name)")
        }
    }

    static func write(
        _ content: String, to descriptor: Int32, path: String
    ) throws(PrivateServerError) {
        var rest = ArraySlice(content.utf8)
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { bytes in
                #if canImport(Darwin)
                    Darwin.write(descriptor, bytes.baseAddress, bytes.count)
                #elseif canImport(Musl)
                    Musl.write(descriptor, bytes.baseAddress, bytes.count)
                #else
                    Glibc.write(descriptor, bytes.baseAddress, bytes.count)
                #endif
            }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw .system("cannot write \(path)") }
            rest = rest.dropFirst(written)
        }
    }
}
