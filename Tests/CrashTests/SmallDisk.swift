import Foundation
import TestSupport

/// A tmpfs of a test's own, unmounted when it goes.
final class SmallDisk {
    let path: String

    /// Whether this process may mount one: root on Linux, and not in a container that forbids it.
    static let isAllowed: Bool = {
        #if os(Linux)
            return geteuid() == 0 && (try? SmallDisk(megabytes: 1)) != nil
        #else
            return false
        #endif
    }()

    init(megabytes: Int) throws {
        path = "\(NSTemporaryDirectory())daybook-disk-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        do {
            try SmallDisk.run("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m,mode=755", "tmpfs", path)
        } catch {
            try? FileManager.default.removeItem(atPath: path)
            throw error
        }
    }

    deinit {
        // A server that was just stopped may still be closing its files.
        for _ in 0..<50 {
            if (try? SmallDisk.run("umount", path)) != nil { break }
            usleep(100_000)
        }
        rmdir(path)
    }

    func resize(megabytes: Int) throws {
        try SmallDisk.run("mount", "-o", "remount,size=\(megabytes)m", path)
    }

    /// Makes it so small that no more than this is left.
    func leave(megabytes: Int) throws {
        let attributes = try FileManager.default.attributesOfFileSystem(forPath: path)
        let (size, free) = (
            attributes[.systemSize] as! NSNumber, attributes[.systemFreeSize] as! NSNumber
        )
        try resize(megabytes: Int((size.int64Value - free.int64Value) >> 20) + megabytes)
    }

    private struct Failure: Error { let text: String }

    private static func run(_ program: String, _ arguments: String...) throws {
        let outcome = try Shell.run(
            "/usr/bin/env", [program] + arguments, in: "/", ProcessInfo.processInfo.environment)
        guard outcome.status == 0 else { throw Failure(text: outcome.error) }
    }
}
