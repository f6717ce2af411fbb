import Foundation

/// A file that readers find whole: as it was, or as it is. Where a symbolic link stands, the file that it names is written;
/// what is no file - a pipe, a device - is written as it stands.
package final class WholeFile {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    /// Who may read it. One that was there keeps its mode and its owner, unless it is secret.
    package enum Audience: Sendable {
        /// Its owner alone.
        case owner
        /// Everybody, whatever the umask.
        case everybody
        /// As the umask has it.
        case usual
    }

    /// Open until it is finished or discarded.
    package let descriptor: Int32
    private let path: String
    /// Where the bytes are until they are whole; nil of a pipe or a device.
    private let partial: String?
    /// What `path` names, every link resolved.
    private let place: String
    private var isOpen = true

    package init(_ path: String, for audience: Audience = .usual) throws(Failure) {
        self.path = path
        var status = stat()
        let isThere = stat(path, &status) == 0
        if isThere, status.st_mode & S_IFMT == S_IFDIR { throw WholeFile.failure(path, EISDIR) }
        let isFile = !isThere || status.st_mode & S_IFMT == S_IFREG
        guard isFile, !WholeFile.isOfDescriptor(path) else {
            (partial, place) = (nil, path)
            // What a shell has redirected to a file may have something in it already.
            descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
            guard descriptor >= 0 else { throw WholeFile.failure(path, errno) }
            return
        }
        place = try WholeFile.resolved(path)
        let folder = (place as NSString).deletingLastPathComponent
        let name = "\(folder.isEmpty ? "." : folder)/.daybook-\(UUID().uuidString.prefix(13))"
        partial = name
        descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, audience == .owner ? 0o600 : 0o666)
        guard descriptor >= 0 else { throw WholeFile.failure(path, errno) }
        if isThere {
            // Only root may give it away; anybody else's stays their own.
            _ = fchown(descriptor, status.st_uid, status.st_gid)
        }
        let mode: mode_t? =
            switch audience {
            case .owner: 0o600
            case .everybody: isThere ? status.st_mode & 0o7777 : 0o644
            case .usual: isThere ? status.st_mode & 0o7777 : nil
            }
        if let mode, fchmod(descriptor, mode) != 0 {
            let code = errno
            discard()
            throw WholeFile.failure(path, code)
        }
    }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Foundation.write(
                descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw WholeFile.failure(path, errno) }
            rest = rest.dropFirst(count)
        }
    }

    /// Gives the file its name, once it is on the disk.
    package func finish() throws(Failure) {
        guard let partial else {
            close(descriptor)
            isOpen = false
            return
        }
        guard fsync(descriptor) == 0, rename(partial, place) == 0 else {
            let code = errno
            discard()
            throw WholeFile.failure(path, code)
        }
        close(descriptor)
        isOpen = false
    }

    /// Leaves what was there as it was; nothing after `finish`.
    package func discard() {
        guard isOpen else { return }
        isOpen = false
        close(descriptor)
        if let partial { unlink(partial) }
    }

    deinit { discard() }

    package static func write(
        _ text: String, to path: String, for audience: Audience = .usual
    ) throws(Failure) {
        try write(Array(text.utf8), to: path, for: audience)
    }

    package static func write(
        _ bytes: [UInt8], to path: String, for audience: Audience = .usual
    ) throws(Failure) {
        let file = try WholeFile(path, for: audience)
        var failure: Failure?
        bytes.withUnsafeBytes { bytes in
            do throws(Failure) { try file.write(bytes) } catch { failure = error }
        }
        if let failure {
            file.discard()
            throw failure
        }
        try file.finish()
    }

    /// Makes a folder and those above it, where they are missing.
    package static func makeFolder(_ path: String) throws(Failure) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            guard let blocking = blocking(path) else {
                throw Failure(description: "the folder \(path) cannot be made: \(error.localizedDescription)")
            }
            throw Failure(description: "the folder \(path) cannot be made: \(blocking) is no folder")
        }
    }

    // MARK: - Places

    /// `/dev/stdout` and its like: by another name they would be files, which a shell writes from where it stands.
    private static func isOfDescriptor(_ path: String) -> Bool {
        ["/dev/std", "/dev/fd/", "/proc/"].contains { path.hasPrefix($0) }
    }

    /// What a path names, also where a link leads to what is not there yet.
    private static func resolved(_ path: String) throws(Failure) -> String {
        var path = path
        for _ in 0..<40 {
            if let real = realpath(path, nil) {
                defer { free(real) }
                return String(cString: real)
            }
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) else {
                return path
            }
            path =
                target.hasPrefix("/")
                ? target : "\((path as NSString).deletingLastPathComponent)/\(target)"
        }
        throw failure(path, ELOOP)
    }

    /// What stands where a folder is to be.
    private static func blocking(_ folder: String) -> String? {
        var path = folder
        while !path.isEmpty, path != "/" {
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
                return isFolder.boolValue ? nil : path
            }
            path = (path as NSString).deletingLastPathComponent
        }
        return nil
    }

    private static func failure(_ path: String, _ code: Int32) -> Failure {
        let folder = (path as NSString).deletingLastPathComponent
        let reason =
            switch code {
            case ENOTDIR: "\(blocking(folder) ?? folder) is no folder"
            case ENOENT: "there is no folder \(folder)"
            default: String(cString: strerror(code))
            }
        return Failure(description: "\(path) cannot be written: \(reason)")
    }
}
