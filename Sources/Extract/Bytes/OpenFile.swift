import Foundation

/// An open file, read by position. Closes when it goes.
final class OpenFile: ByteSource {
    let name: String
    let descriptor: Int32
    /// As the file was when it was opened.
    let status: FileStatus

    /// - Throws: `missing` or `unreadable` with the system's reason.
    init(_ file: FoundFile) throws(ExtractError) {
        name = file.name
        descriptor = open(file.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ExtractError(
                kind: errno == ENOENT ? .missing : .unreadable, object: file.name,
                message: String(cString: strerror(errno)))
        }
        var status = stat()
        self.status = FileStatus(fstat(descriptor, &status) == 0 ? status : stat())
    }

    deinit { close(descriptor) }

    var size: Int64? { status.size }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(ExtractError) -> Int {
        var total = 0
        while total < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress! + total, buffer.count - total, off_t(position) + off_t(total))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw ExtractError(
                    kind: .unreadable, object: name,
                    message: "reading at byte \(position) failed: \(String(cString: strerror(errno)))")
            }
            if count == 0 { break }
            total += count
        }
        return total
    }
}

/// What tells one state of a file from another.
package struct FileStatus: Sendable, Equatable {
    /// Device and inode: two names of one file have the same.
    package let node: String
    /// In bytes, as it lies on the disk.
    package let size: Int64
    /// When it was modified, in nanoseconds since 1970.
    package let modifiedNanoseconds: Int64

    package init(node: String, size: Int64, modifiedNanoseconds: Int64) {
        self.node = node
        self.size = size
        self.modifiedNanoseconds = modifiedNanoseconds
    }

    init(_ status: stat) {
        #if canImport(Darwin)
            let time = status.st_mtimespec
        #else
            let time = status.st_mtim
        #endif
        node = "\(status.st_dev):\(status.st_ino)"
        size = Int64(status.st_size)
        modifiedNanoseconds = Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
