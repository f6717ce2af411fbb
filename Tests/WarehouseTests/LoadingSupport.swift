import Foundation
import TestSupport

/// A line of an event; equal numbers are equal events.
func line(_ number: Int, time: String = "2026-01-01T00:00:00Z", extra: String = "") -> String {
    "{\"id\":\"e\(number)\",\"case\":\"c\(number / 3)\",\"time\":\"\(time)\",\"type\":\"order.created\"\(extra)}\n"
}

/// Runs bodies at once, each on a thread of its own, and gives what each threw.
func atOnce(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) -> [any Error] {
    final class Errors: @unchecked Sendable {
        let lock = NSLock()
        var all: [any Error] = []
    }
    let errors = Errors()
    let done = DispatchGroup()
    for index in 0..<count {
        done.enter()
        Thread {
            do { try body(index) } catch { errors.lock.withLock { errors.all.append(error) } }
            done.leave()
        }.start()
    }
    done.wait()
    return errors.all
}
