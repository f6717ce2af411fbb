import CLibPQ

/// A running `COPY … FROM STDIN`; lives only inside `Connection.copy`, which begins and ends it.
package struct CopyIn: ~Copyable {
    private let connection: OpaquePointer
    private let action: String

    init(connection: OpaquePointer, action: String) {
        self.connection = connection
        self.action = action
    }

    /// Sends bytes in the format that the COPY statement names; cheapest in blocks of 64 KiB and more.
    ///
    /// - Throws: where the connection broke; `Connection.copy` puts the server's reason in its place.
    package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(PostgresError) {
        // PQputCopyData counts in Int32.
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            let start = part.baseAddress?.assumingMemoryBound(to: CChar.self)
            guard PQputCopyData(connection, start, Int32(part.count)) == 1 else {
                throw PostgresError(
                    kind: .connectionLost, action: action,
                    message: String(cString: PQerrorMessage(connection)))
            }
            rest = rest.dropFirst(part.count)
        }
    }
}
