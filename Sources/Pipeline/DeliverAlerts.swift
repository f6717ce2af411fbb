import Alerts
import Foundation
import Postgres
import Warehouse

/// Sends what the outbox holds for the channels of a project.
package struct DeliverAlerts {
    private let project: Project
    private let connection: Connection

    package init(_ project: Project, _ warehouse: Warehouse) {
        self.project = project
        connection = warehouse.connection
    }

    /// Composes what has become due, and sends it.
    package func run() throws -> Outbox.Outcome {
        let channels = project.definition.channels
        let book = AlertBook(connection)
        guard !channels.isEmpty, let due = try book.nextDue(), due <= Date().microseconds else {
            return Outbox.Outcome()
        }
        try book.compose(channels: channels, project: project.name)
        let pairs = channels.map { ($0.name, $0.channel) }
        return try Outbox(connection, channels: Dictionary(uniqueKeysWithValues: pairs)).deliver()
    }
}
