import Events
import Foundation

/// An open file, read by position. Closes when it goes.
final class OpenFile {
    let name: String
    let size: Int64
    private let descriptor: Int32

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
        size = fstat(descriptor, &status) == 0 ? Int64(status.st_size) : 0
    }

    deinit { close(descriptor) }

    /// Fills `buffer` from `position` as far as the file goes; returns the bytes read.
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

    func bytes(_ range: Range<Int64>) throws(ExtractError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        let outcome = bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(ExtractError) in try read(into: buffer, at: range.lowerBound) }
        }
        return Array(bytes[..<(try outcome.get())])
    }

    /// The hash of the first `length` bytes; nil where the file is shorter.
    func prefixHash(_ length: Int64) throws(ExtractError) -> String? {
        guard length <= size else { return nil }
        return SHA256.hex(try bytes(0..<length), prefix: 8)
    }

    /// The hash of the KiB before `position`; nil where the file is shorter.
    func tailHash(before position: Int64) throws(ExtractError) -> String? {
        guard position <= size else { return nil }
        return SHA256.hex(try bytes(max(0, position - Fingerprint.maxLength)..<position), prefix: 16)
    }
}

/// What makes a file the same when its name changes: the length and hash of its first min(size, 1,024) bytes.
///
/// As text: `1024-9f86d081884c7d65`, and `1024-9f86d081884c7d65#2` where another object has the first already.
struct Fingerprint: Equatable {
    let length: Int64
    let hash: String

    static let maxLength: Int64 = 1_024

    init(of file: OpenFile) throws(ExtractError) {
        length = min(file.size, Fingerprint.maxLength)
        hash = try file.prefixHash(length) ?? ""
    }

    /// Reads the text form, with or without an ordinal; nil where it is none.
    init?(identity: String) {
        let parts = identity.split(separator: "#")[0].split(separator: "-")
        guard parts.count == 2, let length = Int64(parts[0]) else { return nil }
        self.length = length
        hash = String(parts[1])
    }

    var text: String { "\(length)-\(hash)" }
}
