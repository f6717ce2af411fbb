import Foundation

/// A file that readers find whole: as it was, or as it is.
package enum WholeFile {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        fileprivate init(_ path: String, _ code: Int32) {
            description = "\(path) cannot be written: \(String(cString: strerror(code)))"
        }
    }

    /// Writes it beside its place, and gives it its name once it is on the disk.
    ///
    /// - Parameter isSecret: only its owner may read it; all others everybody may.
    package static func write(_ text: String, to path: String, isSecret: Bool = false) throws(Failure) {
        var name = Array("\(path).XXXXXX".utf8CString)
        let descriptor = mkstemp(&name)
        guard descriptor >= 0 else { throw Failure(path, errno) }
        let code = fill(descriptor, text, mode: isSecret ? 0o600 : 0o644)
        close(descriptor)
        guard code == 0 else {
            unlink(name)
            throw Failure(path, code)
        }
        guard rename(name, path) == 0 else {
            let code = errno
            unlink(name)
            throw Failure(path, code)
        }
    }

    /// - Returns: 0, or the number of the error.
    private static func fill(_ descriptor: Int32, _ text: String, mode: mode_t) -> Int32 {
        guard fchmod(descriptor, mode) == 0 else { return errno }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return errno }
            bytes = bytes.dropFirst(count)
        }
        return fsync(descriptor) == 0 ? 0 : errno
    }
}
