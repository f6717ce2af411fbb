import Postgres
import SQLFiles

/// An open warehouse: a connection to a database that holds Daybook's schemas, with our session settings.
///
/// Confined to the thread that opened it, like its connection.
package struct Warehouse {
    package let connection: Connection

    /// Oldest server whose SQL we use.
    private static let minServerVersion = 140_000

    /// Connects, and brings the schemas up to date.
    ///
    /// - Parameter creating: false changes nothing: a database that is not up to date is an error.
    package static func open(
        _ conninfo: String?, creating: Bool = true, onNotice: @escaping (String) -> Void = { _ in }
    ) throws -> Warehouse {
        let connection = try connect(conninfo, onNotice: onNotice)
        // Of SQL_ASCII the server takes any bytes; every other encoding lacks characters.
        if !["UTF8", "SQL_ASCII"].contains(connection.serverEncoding) {
            onNotice(
                "the database's encoding is \(connection.serverEncoding): events with other characters will be rejected; "
                    + "one in UTF8 takes all (createdb --encoding UTF8 --template template0 daybook)")
        }
        if creating { return try open(on: connection) }
        guard try schema.isPresent(connection) else {
            try schema.refuseForeignSchemas(connection)
            throw WarehouseError.empty
        }
        guard try schema.isCurrent(connection) else { throw WarehouseError.outdatedSchema }
        return Warehouse(connection: connection)
    }

    /// Brings the schemas up to date by a connection that `connect` made; inside a transaction as a part of it.
    package static func open(on connection: Connection) throws -> Warehouse {
        try schema.apply(to: connection)
        return Warehouse(connection: connection)
    }

    private static var schema: Schema { Schema(files: SQLFiles.builtin.folder("schema")) }

    /// A connection with our session settings, to a database in any state.
    package static func connect(
        _ conninfo: String?, onNotice: @escaping (String) -> Void = { _ in }
    ) throws -> Connection {
        let connection = try Connection(conninfo, applicationName: "daybook", onNotice: onNotice)
        guard connection.serverVersion >= minServerVersion else {
            throw WarehouseError.oldServer(version: connection.serverVersion)
        }
        // The plans of our statements are short; compiling them costs more than it saves. A killed client's
        // locks are freed as soon as the server notices. Names are always written with their schema.
        try connection.execute(
            """
            SET TIME ZONE 'UTC';
            SET datestyle = 'ISO, YMD';
            SET search_path = pg_catalog;
            SET jit = off;
            SET client_connection_check_interval = '1s';
            SET client_min_messages = 'warning';
            """)
        return connection
    }
}

extension Connection {
    /// Reads events and the ledger in one snapshot that holds: no day is dropped meanwhile, which no snapshot would show.
    package func snapshot<Value>(_ body: () throws -> Value) throws -> Value {
        try transaction("ISOLATION LEVEL REPEATABLE READ READ ONLY") {
            try holdDays()
            return try body()
        }
    }

    /// The first statement of a transaction, before it has a snapshot.
    package func holdDays() throws {
        try execute("LOCK TABLE ONLY raw.events_by_day, ONLY raw.columnar_by_day IN ACCESS SHARE MODE")
    }
}
