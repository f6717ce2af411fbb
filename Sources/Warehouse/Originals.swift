import Events
import Postgres

/// `raw.original_packs`: the records of sources that keep them, as they came.
enum Originals {
    /// The server compresses a row of this size well, and is quick to find one record in it.
    private static let bytesPerPack = 64 << 10
    private static let packsPerStatement = 64

    /// Writes the batch's records; inside the transaction that copies its rows.
    ///
    /// - Parameter loaded: the positions of records that brought rows; nil: all did.
    static func write(
        _ batch: borrowing EventBatch, loaded: Set<Int64>?, loadID: Int64, _ connection: Connection
    ) throws {
        let kept = batch.originals.filter { loaded?.contains($0.position) ?? true }
            .sorted { ($0.day, $0.position) < ($1.day, $1.position) }
        var packs: [Pack] = []
        for record in kept {
            let size = packs.last?.bytes.count ?? 0
            if packs.last?.day != record.day || size > 0 && size + Int(record.bytes.count) > bytesPerPack {
                if packs.count == packsPerStatement {
                    try write(packs, loadID, connection)
                    packs = []
                }
                packs.append(Pack(day: record.day))
            }
            packs[packs.count - 1].bytes += batch.arena.bytes(of: record.bytes)
            packs[packs.count - 1].positions.append(record.position)
            packs[packs.count - 1].ends.append(packs[packs.count - 1].bytes.count)
        }
        if !packs.isEmpty { try write(packs, loadID, connection) }
    }

    /// An array of bytea, in hex. An array of `Bytea` is looked through character by character for what is to be quoted,
    /// which takes longer than all else of a load.
    private struct PackedBytes: PostgresParameter {
        let packs: [[UInt8]]

        var postgresText: String? {
            let digits = Array("0123456789abcdef".utf8)
            let size = packs.reduce(2) { $0 + 2 * $1.count + 6 }
            return String(unsafeUninitializedCapacity: size) { text in
                var place = 0
                func put(_ byte: UInt8) {
                    text[place] = byte
                    place += 1
                }
                put(UInt8(ascii: "{"))
                for (index, bytes) in packs.enumerated() {
                    for byte in (index > 0 ? ",\"" : "\"").utf8 { put(byte) }
                    for byte in #"\\x"#.utf8 { put(byte) }
                    for byte in bytes {
                        put(digits[Int(byte >> 4)])
                        put(digits[Int(byte & 15)])
                    }
                    put(UInt8(ascii: "\""))
                }
                put(UInt8(ascii: "}"))
                return place
            }
        }
    }

    private struct Pack {
        let day: Int32
        var bytes: [UInt8] = []
        var positions: [Int64] = []
        var ends: [Int] = []
    }

    private static func write(_ packs: [Pack], _ loadID: Int64, _ connection: Connection) throws {
        func list(_ numbers: [some BinaryInteger]) -> String {
            "{\(numbers.map { "\($0)" }.joined(separator: ","))}"
        }
        try connection.query(
            """
            INSERT INTO raw.original_packs (
                load_id, event_day, first_position, last_position, positions, ends, bytes)
            SELECT $1::bigint, day, first_position, last_position, positions::bigint[], ends::integer[], bytes
            FROM unnest($2::date[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bytea[])
                AS pack (day, first_position, last_position, positions, ends, bytes)
            """,
            [
                loadID, packs.map { CalendarDay(daysSinceEpoch: $0.day).description },
                packs.map { $0.positions[0] }, packs.map { $0.positions[$0.positions.count - 1] },
                packs.map { list($0.positions) }, packs.map { list($0.ends) },
                PackedBytes(packs: packs.map(\.bytes)),
            ], action: "keep the records")
    }
}
