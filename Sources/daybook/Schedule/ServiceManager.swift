import Foundation

/// What started us, where it wants to be told how we are: systemd, by the protocol of sd_notify(3).
struct ServiceManager {
    private let socketPath: String?
    /// How often it wants to hear from us, in seconds; nil where it does not.
    let watchdogSeconds: Double?

    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        socketPath = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
        let isForUs = environment["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
        watchdogSeconds = isForUs ? environment["WATCHDOG_USEC"].flatMap(Double.init).map { $0 / 1e6 } : nil
    }

    func tellReady(_ status: String) { tell("READY=1\nSTATUS=\(status)") }
    func tellReloading() { tell("RELOADING=1\nMONOTONIC_USEC=\(ServiceManager.monotonicMicroseconds)") }
    func tellStopping() { tell("STOPPING=1") }

    /// We are alive, and what we do.
    func tellAlive(_ status: String) {
        tell(watchdogSeconds == nil ? "STATUS=\(status)" : "WATCHDOG=1\nSTATUS=\(status)")
    }

    private func tell(_ message: String) {
        guard let socketPath else { return }
        let descriptor = ServiceManager.datagramSocket()
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = Array(socketPath.utf8)
        guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        // A name that is no file begins with a zero, which is written as an @.
        if path[0] == UInt8(ascii: "@") { path[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let length = socklen_t(MemoryLayout.offset(of: \sockaddr_un.sun_path)! + path.count)
        let bytes = Array(message.utf8)
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, 0, $0, length)
            }
        }
    }

    private static func datagramSocket() -> Int32 {
        #if os(Linux)
            let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        #else
            let descriptor = socket(AF_UNIX, SOCK_DGRAM, 0)
        #endif
        if descriptor >= 0 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        return descriptor
    }

    private static var monotonicMicroseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
