import Foundation
import Postgres

/// A wish to stop, from another thread: a signal handler's. What runs asks at its safe points.
package final class Interruption: @unchecked Sendable {
    private let lock = NSLock()
    private var wasRequested = false
    private var cancellers: [Canceller] = []

    package init() {}

    /// Stops the statements that run now; what asks next is told.
    package func request() {
        lock.withLock {
            wasRequested = true
            for canceller in cancellers { canceller.cancel() }
        }
    }

    /// Lets a request stop this connection's statements.
    package func watch(_ connection: Connection) {
        let canceller = connection.canceller()
        lock.withLock { cancellers.append(canceller) }
    }

    package var isRequested: Bool { lock.withLock { wasRequested } }

    func check() throws {
        if isRequested { throw Interrupted() }
    }
}

/// The run was stopped by a person; what was committed stays.
package struct Interrupted: Error, CustomStringConvertible {
    package init() {}

    package var description: String {
        "interrupted; what was loaded stays, and the next run goes on from there"
    }
}
