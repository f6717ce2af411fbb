import Foundation

/// Makes an empty temporary file without a name, which goes when it is closed, and is no child's; -1, and `errno`, where
/// that cannot be.
func namelessFile() -> Int32 {
    var template = Array("\(NSTemporaryDirectory())daybook-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { return descriptor }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    unlink(template)
    return descriptor
}
