import Alerts
import Foundation
import Postgres
import Warehouse

/// Sends what the outbox holds for the channels of a project.
package struct DeliverAlerts {
    private let project: Project
    private let conninfo: String?

    /// - Parameter conninfo: of a database that holds Daybook's schemas.
    package init(_ project: Project, _ conninfo: String?) {
        self.project = project
        self.conninfo = conninfo
    }

    /// Composes what has become due, and sends it.
    package func run(_ limits: Outbox.Limits = Outbox.Limits()) throws -> Outbox.Outcome {
        let channels = project.definition.channels
        let book = AlertBook(try Warehouse.open(conninfo, creating: false).connection)
        let due = try book.nextDue()
        guard limits.isForced || due.map({ $0 <= Date().microseconds }) ?? false else {
            return Outbox.Outcome()
        }
        try book.compose(channels: channels, project: project.name)
        let pairs = channels.map { ($0.name, $0.channel) }
        let conninfo = conninfo
        return Outbox(channels: Dictionary(uniqueKeysWithValues: pairs)) {
            try Warehouse.connect(conninfo)
        }.deliver(limits)
    }
}
