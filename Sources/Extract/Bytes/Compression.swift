import Foundation

/// A way of compressing files, known by their first bytes, whatever their name.
enum Compression: String, CaseIterable {
    case gzip, zstd, xz, bzip2

    /// How a file is compressed that begins with these bytes; nil where it is not.
    ///
    /// Sources: RFC 1952, section 2.3.1; RFC 8878, section 3.1.1; the .xz file format, section 2.1.1.1; bzip2's block
    /// header, of which "BZh" alone could begin a CSV's header.
    init?(_ start: [UInt8]) {
        if start.starts(with: [0x1F, 0x8B]) {
            self = .gzip
        } else if start.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
            self = .zstd
        } else if start.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A]) {
            self = .xz
        } else if start.starts(with: [0x42, 0x5A, 0x68]),
            [[0x31, 0x41, 0x59, 0x26], [0x17, 0x72, 0x45, 0x38]].contains(Array(start.dropFirst(4).prefix(4)))
        {
            self = .bzip2
        } else {
            return nil
        }
    }

    /// Enough to tell by.
    static let magicBytes: Int64 = 10

    /// Programs that decompress it from stdin to stdout, faster ones first.
    private var programs: [String] {
        switch self {
        case .gzip: ["igzip", "pigz", "gzip"]
        case .zstd: ["zstd"]
        case .xz: ["xz"]
        case .bzip2: ["lbzip2", "bzip2"]
        }
    }

    /// Starts the first of the programs that is installed.
    func decompress(_ input: Int32, of name: String) throws(ExtractError) -> ChildProgram {
        for program in programs {
            guard let path = ChildProgram.find(program) else { continue }
            // Secrets are none of its business.
            let paths = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
            return try ChildProgram(
                path, [program, "-dc"], input: input, environment: ["PATH=\(paths)", "LC_ALL=C"])
        }
        throw ExtractError(
            kind: .unreadable, object: name,
            message:
                "is compressed with \(rawValue), and the program \(programs.last!) is not installed; install it "
                + "(apt-get install \(self == .xz ? "xz-utils" : programs.last!)), or decompress the file")
    }
}
