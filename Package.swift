// swift-tools-version: 6.0
import PackageDescription

// Modules depend downwards only: daybook → Pipeline → Alerts, Warehouse, Transform → Extract, Events, Postgres.
let package = Package(
    name: "daybook",
    products: [.executable(name: "daybook", targets: ["daybook"])],
    targets: [
        .systemLibrary(
            name: "CLibPQ", pkgConfig: "libpq",
            providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
        .target(name: "Postgres", dependencies: ["CLibPQ"]),
        .target(name: "Events"),
        .target(name: "Generate"),
        .target(name: "Extract", dependencies: ["Events"]),
        .target(name: "SQLFiles", plugins: ["EmbedSQLPlugin"]),
        .target(name: "Warehouse", dependencies: ["Postgres", "Events", "SQLFiles"]),
        .target(name: "Transform", dependencies: ["Events", "Postgres", "SQLFiles"]),
        .target(name: "Alerts", dependencies: ["Events", "Extract", "Postgres", "SQLFiles"]),
        .target(name: "Pipeline", dependencies: ["Alerts", "Extract", "Warehouse", "Transform"]),
        .executableTarget(name: "daybook", dependencies: ["Alerts", "Pipeline", "Generate"]),

        // The top-level sql/ travels inside the binary: a plugin turns it into one Swift file.
        .executableTarget(name: "EmbedSQL"),
        .plugin(
            name: "EmbedSQLPlugin", capability: .buildTool(), dependencies: ["EmbedSQL"],
            path: "Sources/EmbedSQLPlugin"),

        .target(name: "TestSupport", dependencies: ["Pipeline", "Generate"], path: "Tests/TestSupport"),
        .executableTarget(
            name: "Benchmarks", dependencies: ["Pipeline", "Generate", "TestSupport"],
            path: "Tests/Benchmarks"),
        .executableTarget(name: "Fuzz", dependencies: ["Events"], path: "Tests/Fuzz"),
        .testTarget(name: "PostgresTests", dependencies: ["Postgres", "TestSupport"]),
        .testTarget(name: "EventsTests", dependencies: ["Events", "Fuzz"], exclude: ["Fixtures"]),
        .testTarget(name: "GenerateTests", dependencies: ["Generate"]),
        .testTarget(name: "ExtractTests", dependencies: ["Extract", "TestSupport"]),
        .testTarget(name: "WarehouseTests", dependencies: ["Warehouse", "SQLFiles", "TestSupport"]),
        .testTarget(name: "TransformTests", dependencies: ["Transform", "TestSupport"]),
        .testTarget(
            name: "AlertsTests", dependencies: ["Alerts", "Pipeline", "TestSupport"], exclude: ["Fixtures"]),
        .testTarget(
            name: "PipelineTests", dependencies: ["Pipeline", "TestSupport"], exclude: ["Fixtures"]),
        .testTarget(name: "CommandTests", dependencies: ["daybook", "TestSupport"]),
        .testTarget(name: "CrashTests", dependencies: ["daybook", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6]
)
