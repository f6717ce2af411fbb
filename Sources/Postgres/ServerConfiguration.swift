/// The settings of a private server, as the file that its `postgresql.conf` includes.
///
/// fsync, full_page_writes and synchronous_commit keep PostgreSQL's defaults: on.
struct ServerConfiguration {
    let fileName: String
    let text: String

    init(name: String, socketDirectory: String, settings: [String: String]) {
        let ours = [
            "listen_addresses": "",
            "shared_buffers": "256MB",
            "maintenance_work_mem": "256MB",
            "max_wal_size": "4GB",
            "checkpoint_timeout": "15min",
            // A statement over all days holds a lock for each leaf and its two indexes; years of days, many readers.
            "max_locks_per_transaction": "256",
            // The log is for what happens to the server. Failed statements are told to who sent them, with
            // their details; here they get one line without the statement and the rows it holds.
            "log_min_messages": "warning",
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
            "log_statement": "none",
            "log_min_duration_statement": "-1",
            "log_autovacuum_min_duration": "-1",
            "log_checkpoints": "off",
            "logging_collector": "off",
        ]
        // The URL and the safety of `trust` rest on these.
        let fixed = [
            "port": "5432",
            "unix_socket_directories": socketDirectory,
            "unix_socket_permissions": "0700",
        ]
        let all = ours.merging(settings) { $1 }.merging(fixed) { $1 }
        fileName = name + ".conf"
        text =
            "# Written by \(name) at each start: changes made here do not last.\n"
            + all.sorted { $0.key < $1.key }.map { "\($0.key) = \(Self.quoted($0.value))\n" }.joined()
    }

    private static func quoted(_ value: String) -> String {
        var text = ""
        for character in value.unicodeScalars {
            switch character {
            case "'": text += "''"
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(character)
            }
        }
        return "'\(text)'"
    }
}
